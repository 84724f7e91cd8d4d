import { Buffer } from 'node:buffer';
import { connect } from 'node:http2';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { type OtlpReceiver, startOtlpReceiver } from './receiver.ts';

let receiver: OtlpReceiver;
beforeAll(async () => {
  receiver = await startOtlpReceiver();
});
afterAll(() => receiver.stop());

type Compression = NonNullable<NonNullable<ConstructorParameters<typeof OTLPTraceExporter>[0]>['compression']>;

/** As OpenTelemetry's own SDK sends it. */
async function exported(name: string, compression: 'none' | 'gzip' = 'none'): Promise<void> {
  const url = `http://127.0.0.1:${receiver.httpPort}/v1/traces`;
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'shop' }),
    spanProcessors: [new SimpleSpanProcessor(new OTLPTraceExporter({ url, compression: compression as Compression }))],
  });
  const span = provider.getTracer('tests').startSpan(name, { kind: SpanKind.SERVER, startTime: 1_700_000_000_000 });
  span.setAttributes({ text: 'é', number: 7, share: 0.5, yes: true, list: ['a', 'b'] });
  span.addEvent('retried', { times: 2 }, 1_700_000_000_010);
  span.setStatus({ code: SpanStatusCode.ERROR, message: 'no' });
  span.end(1_700_000_000_020);
  await provider.shutdown();
}

test.each(['none', 'gzip'] as const)('HTTP/protobuf, compression %s', async (compression) => {
  await exported(`by http ${compression}`, compression);
  const span = await receiver.span(({ name }) => name === `by http ${compression}`);
  expect(span).toEqual({
    traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
    spanId: expect.stringMatching(/^[0-9a-f]{16}$/),
    parentSpanId: undefined,
    name: `by http ${compression}`,
    kind: 'SERVER',
    attributes: { text: 'é', number: 7, share: 0.5, yes: true, list: ['a', 'b'] },
    events: [{ name: 'retried', attributes: { times: 2 } }],
    status: { code: 'ERROR', message: 'no' },
    start: 1_700_000_000_000,
    end: 1_700_000_000_020,
    resource: { 'service.name': 'shop' },
    scope: 'tests',
  });
});

test('gRPC: the same bytes behind five more, and an answer in trailers', async () => {
  await exported('by grpc');
  const count = receiver.spans().length;
  const body = receiver.received().at(-1)?.body ?? Buffer.alloc(0);
  expect(await grpc('/opentelemetry.proto.collector.trace.v1.TraceService/Export', body)).toBe('0');
  expect(receiver.spans().slice(count)).toEqual(receiver.spans().slice(count - 1, count));
  expect(await grpc('/opentelemetry.proto.collector.trace.v1.TraceService/Export', Buffer.from('no protobuf'))).toBe(
    '3',
  );
  expect(await grpc('/opentelemetry.proto.collector.logs.v1.LogsService/Export', body)).toBe('12');
});

/** Its grpc-status. */
async function grpc(path: string, body: Buffer): Promise<unknown> {
  const session = connect(`http://127.0.0.1:${receiver.grpcPort}`);
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(body.length, 1);
  stream.resume().end(Buffer.concat([prefix, body]));
  const trailers = await new Promise<Readonly<Record<string, unknown>>>((resolve) => stream.once('trailers', resolve));
  session.destroy();
  return trailers['grpc-status'];
}

test.each([
  ['/v1/logs', 'application/x-protobuf', 404],
  ['/v1/traces', 'application/json', 415],
  ['/v1/traces', 'application/x-protobuf', 400],
])('what is no trace: %s as %s answers %d', async (path, type, status) => {
  const url = `http://127.0.0.1:${receiver.httpPort}${path}`;
  const answer = await fetch(url, { method: 'POST', headers: { 'content-type': type }, body: 'no protobuf' });
  expect(answer.status).toBe(status);
});

test('waiting for what does not come names what came', async () => {
  await exported('other');
  await expect(receiver.span(({ name }) => name === 'never', 1)).rejects.toThrow(
    /^no such span within 1 ms; there are: .*other/,
  );
});
