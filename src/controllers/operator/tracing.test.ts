import { afterEach, expect, test } from '@jest/globals';
import { resources } from '../../kube/resources.ts';
import { systemClock } from '../../runtime/clock.ts';
import { openTracing } from '../../runtime/tracing-otlp.ts';
import { tracingSettings } from '../../runtime/tracing-settings.ts';
import { readyOf, rigPool } from '../../testing/operator/rig.ts';
import { canary, createAll, keyMaterial, pathRoute, publicFor, shop } from '../../testing/operator/shop.ts';
import { type OtlpReceiver, type Span, startOtlpReceiver } from '../../testing/otlp/receiver.ts';

const { open, stop } = rigPool();
const receivers: OtlpReceiver[] = [];
afterEach(async () => {
  await stop();
  await Promise.all(receivers.splice(0).map((receiver) => receiver.stop()));
});

/** A shop that is open, and an operator that sends what it does. */
async function traced() {
  const receiver = await startOtlpReceiver();
  receivers.push(receiver);
  const read = tracingSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${receiver.httpPort}` });
  if ('problem' in read || read.settings === undefined) throw new Error('no settings');
  const log = { warn: () => undefined, debug: () => undefined };
  const tracing = openTracing({ ...read.settings, version: '0.0.0', clock: systemClock, log });
  const rig = await open();
  createAll(rig.api, shop());
  rig.start({ readSecrets: true, tracer: tracing.tracer });
  await rig.quiet();
  return { ...rig, receiver, tracing };
}

/** `name` and what is below it, indented, in the order of their beginning; each line once. */
function tree(spans: readonly Span[], parent: string | undefined, depth = 0): readonly string[] {
  const own = spans.filter(({ parentSpanId }) => parentSpanId === parent).toSorted((a, b) => a.start - b.start);
  const lines = own.flatMap((span) => [`${'  '.repeat(depth)}${span.name}`, ...tree(spans, span.spanId, depth + 1)]);
  return [...new Set(lines)];
}

test('one change of a Route is one trace, to what the Envoys acknowledge and its status tells', async () => {
  const { api, quiet, receiver, tracing } = await traced();
  for (const one of [pathRoute('carts'), publicFor('carts')]) api.create(one);
  await quiet();
  expect(readyOf(api.get(resources.Route, 'shop', 'carts'))).toBe('True Ready');
  await tracing.close(5000);
  const all = receiver.spans();
  const written = all.find(
    ({ name, attributes }) => name === 'patch routes' && attributes['k8s.object.name'] === 'carts',
  );
  const trace = all.filter(({ traceId }) => traceId === written?.traceId);
  expect(tree(trace, undefined)).toEqual([
    'change',
    '  resolve',
    '  reconcile edge',
    '    render',
    '    publish',
    '      phase routes',
    '        place',
    '          patch configmaps',
    '          patch pods',
    '        acknowledge',
    '      patch configmaps',
    '    reconcile status',
    '      patch authpolicies',
    '      create events',
    '      patch routes',
    '  reconcile status',
  ]);
  const attributesOf = (name: string) => trace.find((span) => span.name === name)?.attributes;
  expect(attributesOf('reconcile edge')).toEqual({
    'evengate.controller': 'edge',
    'evengate.kind': 'ApiGateway',
    'evengate.key': 'shop/edge',
    'evengate.attempt': 1,
    'evengate.result': 'success',
  });
  expect(attributesOf('publish')).toMatchObject({ 'evengate.result': 'served', 'evengate.envoys': 2 });
  expect(attributesOf('patch routes')).toEqual({
    'http.request.method': 'PATCH',
    'http.response.status_code': 200,
    'url.path': '/apis/evengate.dev/v1alpha1/namespaces/shop/routes/carts/status',
    'server.address': expect.stringMatching(/^127\.0\.0\.1:\d+$/),
    'k8s.verb': 'patch',
    'k8s.resource': 'routes',
    'k8s.subresource': 'status',
    'k8s.namespace.name': 'shop',
    'k8s.object.name': 'carts',
  });
  expect(trace[0]?.resource).toMatchObject({ 'service.name': 'evengate-operator', 'service.version': '0.0.0' });
});

test('no secret is in a trace, and no watch', async () => {
  const { receiver, tracing } = await traced();
  await tracing.close(5000);
  const sent = Buffer.concat(receiver.received().map(({ body }) => body)).toString('latin1');
  expect(sent.length).toBeGreaterThan(1000);
  for (const secret of [canary, ...keyMaterial]) expect(sent).not.toContain(secret);
  expect(receiver.spans().filter(({ name }) => /^(watch|list) /.test(name))).toEqual([]);
});
