import { afterAll, expect, test } from '@jest/globals';
import { startOtlpReceiver } from '../../testing/otlp/receiver.ts';
import { rigSuite } from '../../testing/rig.ts';
import { apiGateway, authPolicy, everyone, route, service, to, under } from '../../testing/rig-manifests.ts';
import type { RigRequest } from '../../testing/rig-request.ts';

const collector = await startOtlpReceiver();
afterAll(() => collector.stop());

/** What must never be told. */
const canary = 'canary-7f3a';

const robots = { name: 'robots', when: [{ header: 'x-who', values: ['robot'] }] };
const rewritten = { rewrite: { hostname: 'inner.example.com', path: { type: 'ReplacePrefixMatch', value: '/inner' } } };
const gateway = (name: string, port: number, telemetry: object) =>
  apiGateway({ listeners: [{ name: 'web', port, protocol: 'HTTP' }], telemetry }, name);

const manifests = [
  service('orders'),
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'otel', namespace: 'shop' },
    spec: { ports: [{ port: 4317 }, { port: 4318 }] },
  },
  gateway('edge', 80, {
    accessLog: { fields: [{ name: 'tenant', requestHeader: 'X-Tenant' }] },
    tracing: {
      backendRef: { name: 'otel', port: 4317 },
      attributes: [
        { name: 'tenant', requestHeader: 'x-tenant' },
        { name: 'share', value: '100% %REQ(authorization)%' },
      ],
    },
  }),
  authPolicy('base', 'ApiGateway/edge', { authorize: { deny: [robots] } }),
  route('all', [{ name: 'open', ...under('/open'), ...to('orders'), ...rewritten }]),
  authPolicy('open', 'Route/all', everyone),

  gateway('some', 81, {
    accessLog: { enabled: false },
    tracing: { backendRef: { name: 'otel', port: 4318 }, protocol: 'HTTP', samplingPercent: 0 },
  }),
  route('some', [{ ...under('/open'), ...to('orders') }], { parentRefs: [{ name: 'some' }] }),
];

const servers = new Map([
  ['shop/otel:4317', collector.grpcPort],
  ['shop/otel:4318', collector.httpPort],
]);

/** So that its line and its spans are found again. */
let count = 0;
function marked(request: RigRequest): { readonly mark: string; readonly request: RigRequest } {
  count += 1;
  const mark = `tenant-${count}`;
  return { mark, request: { ...request, headers: [...(request.headers ?? []), ['x-tenant', mark]] } };
}

const spanOf = (mark: string, kind = 'SERVER') =>
  collector.span((span) => span.attributes['tenant'] === mark && span.kind === kind);

await rigSuite(
  'spans, with traffic',
  () => manifests,
  (rig) => {
    const send = async (plain: RigRequest) => {
      const { mark, request } = marked(plain);
      await rig().send(request);
      return mark;
    };

    test('one for the request, and one below it for the backend, which is told of it', async () => {
      const { mark, request } = marked({ path: '/open/a' });
      const { received } = await rig().send(request);
      const span = await spanOf(mark);
      expect(span).toMatchObject({ name: 'GET shop/all open', parentSpanId: undefined, status: { code: 'UNSET' } });
      expect(span.attributes).toMatchObject({
        'evengate.gateway': 'shop/edge',
        'evengate.listener': 'web',
        'evengate.route': 'shop/all',
        'evengate.rule': 'open',
        'evengate.decision': 'admitted',
        'evengate.policy': 'shop/base+shop/open',
        'evengate.policy_rule': 'authenticate+anyone',
        'http.url': 'http://shop.example.com/open/a',
        'http.status_code': '200',
      });
      expect(span.resource).toMatchObject({
        'service.name': 'shop/edge',
        'service.namespace': 'shop',
        'k8s.namespace.name': 'shop',
      });
      const below = await spanOf(mark, 'CLIENT');
      expect(below).toMatchObject({ traceId: span.traceId, parentSpanId: span.spanId });
      const traceparent = received?.headers.find(([name]) => name === 'traceparent')?.[1];
      expect(traceparent).toBe(`00-${span.traceId}-${below.spanId}-01`);
      const line = await rig().accessLog.line(({ tenant }) => tenant === mark);
      expect(line['trace_id']).toBe(span.traceId);
    });

    test('of a refusal, with who refused', async () => {
      const mark = await send({ path: '/open', headers: [['x-who', 'robot']] });
      const { attributes } = await spanOf(mark);
      expect(attributes).toMatchObject({
        'evengate.decision': 'denied',
        'evengate.policy': 'shop/base',
        'evengate.policy_rule': 'robots',
      });
    });

    test('the caller decides whether, where there is one; over HTTP as well', async () => {
      const trace = (id: string, flags: string) => `00-${id.repeat(32)}-b7ad6b7169203331-${flags}`;
      const asked = (id: string, flags: string): RigRequest => ({
        port: 81,
        path: '/open',
        headers: [['traceparent', trace(id, flags)]],
      });
      await rig().send(asked('a', '00'));
      await rig().send({ port: 81, path: '/open' });
      await rig().send(asked('b', '01'));
      const span = await collector.span(
        ({ resource, kind }) => resource['service.name'] === 'shop/some' && kind === 'SERVER',
      );
      expect(span).toMatchObject({ traceId: 'b'.repeat(32), parentSpanId: 'b7ad6b7169203331' });
      expect(collector.spans().filter(({ traceId }) => traceId === 'a'.repeat(32))).toEqual([]);
    });
    test('no secret is told: tokens, cookies, keys, and queries, of gRPC requests, too', async () => {
      const secret: RigRequest = {
        path: `/open?access_token=${canary}`,
        headers: [
          ['authorization', `Bearer ${canary}.${canary}.${canary}`],
          ['cookie', `session=${canary}`],
          ['x-api-key', canary],
          ['proxy-authorization', `Basic ${canary}`],
          ['referer', `https://example.com/?${canary}`],
        ],
      };
      const plain = await send(secret);
      const grpc = await send({
        ...secret,
        method: 'POST',
        protocol: 'HTTP/2',
        headers: [['content-type', 'application/grpc'], ['te', 'trailers'], ...(secret.headers ?? [])],
      });
      const wrong = await send({ ...secret, path: `/nothing?code=${canary}` });
      for (const each of [plain, grpc, wrong]) {
        await collector.span(({ attributes, kind }) => attributes['tenant'] === each && kind === 'SERVER');
      }
      expect(rig().accessLog.text.filter((text) => text.includes(canary))).toEqual([]);
      const told = collector
        .received()
        .filter(({ headers, body }) => JSON.stringify(headers).includes(canary) || body.includes(canary));
      expect(told).toEqual([]);
    });
  },
  { servers },
);
