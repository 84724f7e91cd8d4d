import { connect } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import type { AccessLine } from '../../testing/access-lines.ts';
import { rigSuite } from '../../testing/rig.ts';
import { idHeader } from '../../testing/rig-backends.ts';
import {
  apiGateway,
  authPolicy,
  everyone,
  limitPolicy,
  route,
  service,
  to,
  under,
} from '../../testing/rig-manifests.ts';
import type { RigRequest } from '../../testing/rig-request.ts';
import { signingKey } from '../../testing/rig-tokens.ts';

const corp = await signingKey('corp');
const stranger = await signingKey('corp');
const user = await corp.sign({ role: 'user' });
const admin = await corp.sign({ role: 'admin' });
const forged = await stranger.sign({ role: 'admin' });
const jwt = { jwt: [{ name: 'corp', issuer: 'https://login.example.com', jwks: { inline: corp.jwks } }] };
const admins = { name: 'admins', when: [{ claim: 'role', values: ['admin'] }] };
const robots = { name: 'robots', when: [{ header: 'x-who', values: ['robot'] }] };
const trial = {
  mode: 'Shadow',
  authorize: {
    deny: [{ name: 'posts', to: [{ methods: ['POST'] }] }],
    allow: [{ to: [{ methods: ['GET', 'POST'] }] }],
  },
};
const rewritten = { rewrite: { hostname: 'inner.example.com', path: { type: 'ReplacePrefixMatch', value: '/inner' } } };
const forwards = (name: string, more: object = {}) => ({ name, ...under(`/${name}`), ...to('orders'), ...more });
const gateway = (name: string, port: number, telemetry: object) =>
  apiGateway({ defaultAccess: 'Deny', listeners: [{ name: 'web', port, protocol: 'HTTP' }], telemetry }, name);

const manifests = [
  service('orders'),
  gateway('edge', 80, {
    accessLog: {
      fields: [
        { name: 'tenant', requestHeader: 'X-Tenant' },
        { name: 'region', value: '100% %REQ(authorization)%' },
      ],
    },
  }),
  authPolicy('base', 'ApiGateway/edge', { authorize: { deny: [robots] } }),
  route('all', [
    forwards('open', rewritten),
    forwards('staff'),
    forwards('limited'),
    forwards('trial'),
    forwards('uncovered'),
    forwards('broken'),
    { name: 'moved', ...under('/moved'), redirect: { hostname: 'new.example.com', statusCode: 302 } },
    { name: 'says', ...under('/says'), respond: { status: 200, body: 'hi' } },
  ]),
  authPolicy('open', ['open', 'limited', 'trial', 'says'].map((rule) => `Route/all/${rule}`).join(' '), everyone),
  authPolicy('staff', 'Route/all/staff', { authenticate: jwt, authorize: { allow: [admins] } }),
  authPolicy('staff-too', 'Route/all/staff', {
    authorize: { allow: [{ name: 'readers', to: [{ methods: ['GET'] }] }] },
  }),
  authPolicy('broken', 'Route/all/broken', { authorize: { allow: 'everybody' } }),
  authPolicy('trial', 'Route/all/trial', trial),
  limitPolicy('few', 'Route/all/limited', [{ name: 'hourly', requests: 1, per: 'Hour' }]),

  gateway('some', 81, {
    accessLog: { query: true, filter: { minStatus: 400, samplePercent: 0, excludePaths: ['/healthz'] } },
  }),
  route('some', [forwards('open')], { parentRefs: [{ name: 'some' }] }),
  authPolicy('some', 'Route/some', everyone),

  gateway('none', 82, { accessLog: { enabled: false }, tracing: { backendRef: { name: 'nope', port: 4317 } } }),
  route('none', [forwards('open')], { parentRefs: [{ name: 'none' }] }),
  authPolicy('none', 'Route/none', everyone),
];

/** So that its line is found again. */
let count = 0;
function marked(request: RigRequest): { readonly mark: string; readonly request: RigRequest } {
  count += 1;
  const mark = `tenant-${count}`;
  return { mark, request: { ...request, headers: [...(request.headers ?? []), ['x-tenant', mark]] } };
}

const varying = [
  'start_time',
  'duration',
  'bytes_received',
  'bytes_sent',
  'downstream_remote_address',
  'downstream_local_address',
  'upstream_host',
  'request_id',
  'x_forwarded_for',
];

const ofDecision = /^(rule|decision|policy|policy_rule|shadow_.*)$/;

function deciding(line: AccessLine): object {
  return Object.fromEntries(Object.entries(line).filter(([name]) => ofDecision.test(name)));
}

function steady(line: AccessLine): object {
  return Object.fromEntries(Object.entries(line).filter(([name]) => !varying.includes(name)));
}

await rigSuite(
  'telemetry, with traffic',
  () => manifests,
  (rig) => {
    const send = async (request: RigRequest) => {
      const { mark, request: sent } = marked(request);
      const { status } = await rig().send(sent);
      return { status, line: await rig().accessLog.line(({ tenant }) => tenant === mark), mark };
    };

    test('a line, whole', async () => {
      const { line } = await send({ path: '/open/a%20b?x=1', headers: [['user-agent', 'test']] });
      expect(steady(line)).toEqual({
        gateway: 'shop/edge',
        listener: 'web',
        route: 'shop/all',
        rule: 'open',
        decision: 'admitted',
        policy: 'shop/base+shop/open',
        policy_rule: 'authenticate+anyone',
        method: 'GET',
        authority: 'shop.example.com',
        path: '/open/a%20b',
        protocol: 'HTTP/1.1',
        response_code: 200,
        response_code_details: 'via_upstream',
        response_flags: '-',
        upstream_cluster: 'shop/orders/80',
        user_agent: 'test',
        tenant: expect.stringMatching(/^tenant-/),
        region: '100% %REQ(authorization)%',
      });
      expect(Object.keys(line).toSorted()).toEqual([...Object.keys(steady(line)), ...varying].toSorted());
    });

    describe('who decided', () => {
      test.each<readonly [string, RigRequest, number, object]>([
        [
          'a deny rule',
          { path: '/open', headers: [['x-who', 'robot']] },
          403,
          { rule: 'open', decision: 'denied', policy: 'shop/base', policy_rule: 'robots' },
        ],
        [
          'no rule that allows',
          { path: '/staff', token: user },
          403,
          { rule: 'staff', decision: 'denied', policy: 'shop/staff+shop/staff-too' },
        ],
        [
          'two policies that allow',
          { path: '/staff', token: admin },
          200,
          {
            rule: 'staff',
            decision: 'admitted',
            policy: 'shop/base+shop/staff+shop/staff-too',
            policy_rule: 'authenticate+admins+readers',
          },
        ],
        [
          'no token',
          { path: '/staff' },
          401,
          { rule: 'staff', decision: 'unauthenticated', policy: 'shop/staff+shop/staff-too' },
        ],
        [
          'a bad token',
          { path: '/staff', token: forged },
          401,
          { rule: 'staff', decision: 'unauthenticated', policy: 'shop/staff+shop/staff-too' },
        ],
        [
          'a bad token where none is needed: no policy',
          { path: '/open', token: forged },
          401,
          { rule: 'open', decision: 'unauthenticated' },
        ],
        [
          'a limit that is not reached',
          { path: '/limited' },
          200,
          { rule: 'limited', decision: 'admitted', policy: 'shop/base+shop/open', policy_rule: 'authenticate+anyone' },
        ],
        [
          'a limit',
          { path: '/limited' },
          429,
          { rule: 'limited', decision: 'limited', policy: 'shop/few', policy_rule: 'hourly' },
        ],
        [
          'a trial that would allow',
          { path: '/trial' },
          200,
          {
            rule: 'trial',
            decision: 'admitted',
            policy: 'shop/base+shop/open',
            policy_rule: 'authenticate+anyone',
            shadow_decision: 'admitted',
            shadow_policy: 'shop/trial',
            shadow_policy_rule: 'allow[0]',
          },
        ],
        [
          'a trial that would deny',
          { path: '/trial', method: 'POST' },
          200,
          {
            rule: 'trial',
            decision: 'admitted',
            policy: 'shop/base+shop/open',
            policy_rule: 'authenticate+anyone',
            shadow_decision: 'denied',
            shadow_policy: 'shop/trial',
            shadow_policy_rule: 'posts',
          },
        ],
        [
          'a trial that nobody passes',
          { path: '/trial', method: 'PUT' },
          200,
          {
            rule: 'trial',
            decision: 'admitted',
            policy: 'shop/base+shop/open',
            policy_rule: 'authenticate+anyone',
            shadow_decision: 'denied',
            shadow_policy: 'shop/trial',
          },
        ],
        ['nobody: no policy covers the rule', { path: '/uncovered' }, 403, { rule: 'uncovered', decision: 'denied' }],
        [
          'a policy that cannot be enforced',
          { path: '/broken' },
          500,
          { rule: 'broken', decision: 'blocked', policy: 'shop/broken' },
        ],
        [
          'a redirect',
          { path: '/moved' },
          302,
          { rule: 'moved', decision: 'admitted', policy: 'shop/base', policy_rule: 'authenticate' },
        ],
        [
          'an answer of the edge',
          { path: '/says' },
          200,
          { rule: 'says', decision: 'admitted', policy: 'shop/base+shop/open', policy_rule: 'authenticate+anyone' },
        ],
      ])('%s', async (_, request, status, said) => {
        const seen = await send(request);
        expect(seen.status).toBe(status);
        expect(seen.line).toMatchObject({ route: 'shop/all', response_code: status });
        expect(deciding(seen.line)).toEqual(said);
      });

      test.each<readonly [string, RigRequest, number, object]>([
        ['no route', { path: '/nothing' }, 404, { decision: 'not_found', path: '/nothing' }],
        ['a path that is refused', { path: '/open;a=b' }, 400, { decision: 'refused', path: '/open;a=b' }],
      ])('%s: no policy', async (_, request, status, said) => {
        const seen = await send(request);
        expect(seen.status).toBe(status);
        expect(seen.line).toMatchObject(said);
        expect(Object.keys(seen.line)).not.toEqual(expect.arrayContaining(['policy']));
        expect(Object.keys(seen.line)).not.toEqual(expect.arrayContaining(['route']));
      });
    });

    test('a client that goes away was admitted, too', async () => {
      const { mark, request } = marked({ path: '/open?delay=300' });
      const socket = connect(rig().place(80).port, '127.0.0.1');
      const lines = ['host: shop.example.com', `x-tenant: ${mark}`, `${idHeader}: ${mark}`];
      socket.write([`GET ${request.path} HTTP/1.1`, ...lines, '', ''].join('\r\n'));
      await rig().backends.arrival(mark);
      socket.destroy();
      const line = await rig().accessLog.line(({ tenant }) => tenant === mark);
      expect(line).toMatchObject({ decision: 'admitted', response_code: 0, response_flags: 'DC', route: 'shop/all' });
    });

    test('a filter of the log: errors alone, not on the excluded path, and the query on demand', async () => {
      await rig().send({ port: 81, path: '/open?fine' });
      await rig().send({ port: 81, path: '/healthz' });
      await rig().send({ port: 81, path: '/nowhere?a=b' });
      await rig().accessLog.line(({ path }) => path === '/nowhere');
      const own = rig().accessLog.text.map((text) => JSON.parse(text) as AccessLine);
      expect(own.filter((line) => line['gateway'] === 'shop/some')).toEqual([
        expect.objectContaining({ path: '/nowhere', query: 'a=b', response_code: 404 }),
      ]);
    });

    test('no log, and a collector that is not there: traffic as ever', async () => {
      expect(await rig().status({ port: 82, path: '/open' })).toBe(200);
      const { line } = await send({ path: '/open' }); // written later
      expect(line).toBeDefined();
      expect(rig().accessLog.text.filter((text) => text.includes('shop/none'))).toEqual([]);
    });
  },
  { broken: true },
);
