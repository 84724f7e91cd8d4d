import { afterEach, expect, test } from '@jest/globals';
import { ApiError } from '../kube/client.ts';
import { type OtlpReceiver, startOtlpReceiver } from '../testing/otlp/receiver.ts';
import { freePort } from '../testing/ports.ts';
import { systemClock } from './clock.ts';
import { openTracing, type Tracing } from './tracing-otlp.ts';
import { tracingSettings } from './tracing-settings.ts';

const open: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.stop()));
});

function tracingTo(port: number, lines: string[] = [], env: Readonly<Record<string, string>> = {}): Tracing {
  const read = tracingSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`, ...env });
  if ('problem' in read || read.settings === undefined) throw new Error('no settings');
  const log = { warn: (message: string) => void lines.push(message), debug: () => undefined };
  return openTracing({ ...read.settings, version: '1.2.3', clock: systemClock, log });
}

async function receiving(): Promise<OtlpReceiver> {
  const receiver = await startOtlpReceiver();
  open.push(receiver);
  return receiver;
}

test('spans nest by what calls what, and by where work that was put off belongs', async () => {
  const receiver = await receiving();
  const { tracer, close } = tracingTo(receiver.httpPort);
  const origin = await tracer.span('outer', { attributes: { 'evengate.key': 'a' } }, async () => {
    await Promise.resolve();
    tracer.span('inner', { kind: 'client' }, (span) => span.set({ count: 2 }));
    return tracer.origin();
  });
  expect(tracer.origin()).toBeUndefined();
  tracer.span('later', { origin }, () => undefined);
  await close(5000);
  const [inner, outer, later] = receiver.spans();
  expect([inner?.name, inner?.kind, inner?.attributes]).toEqual(['inner', 'CLIENT', { count: 2 }]);
  expect([outer?.name, outer?.parentSpanId]).toEqual(['outer', undefined]);
  expect([inner?.parentSpanId, later?.parentSpanId]).toEqual([outer?.spanId, outer?.spanId]);
});

test('a failure is a type, and never its message', async () => {
  const receiver = await receiving();
  const { tracer, close } = tracingTo(receiver.httpPort);
  const fails = () =>
    tracer.span('at once', {}, () => {
      throw new TypeError('the token is hunter2');
    });
  expect(fails).toThrow('hunter2');
  const refused = new ApiError('hunter2', { code: 403, reason: 'Forbidden' });
  await expect(tracer.span('later', {}, () => Promise.reject(refused))).rejects.toBe(refused);
  await close(5000);
  const told = receiver.spans().map(({ name, status, attributes }) => [name, status.code, attributes['error.type']]);
  expect(told).toEqual([
    ['at once', 'ERROR', 'TypeError'],
    ['later', 'ERROR', 'Forbidden'],
  ]);
  expect(Buffer.concat(receiver.received().map(({ body }) => body)).toString('latin1')).not.toContain('hunter2');
});

test('a sampler that keeps nothing sends nothing', async () => {
  const receiver = await receiving();
  const { tracer, close } = tracingTo(receiver.httpPort, [], { OTEL_TRACES_SAMPLER: 'always_off' });
  tracer.span('outer', {}, () => undefined);
  await close(5000);
  expect(receiver.spans()).toEqual([]);
});

test('a collector that is away costs a line in the log, and the end is not held up', async () => {
  const lines: string[] = [];
  const { tracer, close } = tracingTo(await freePort(), lines, { OTEL_EXPORTER_OTLP_TIMEOUT: '300' });
  for (let count = 0; count < 5000; count += 1) tracer.span('outer', {}, () => undefined);
  await close(10_000);
  expect(lines).toEqual(['traces are not taken, and lost']);
});
