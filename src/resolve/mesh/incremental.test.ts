import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Mesh } from '../../ir/mesh.ts';
import {
  authPolicy,
  backendRef,
  gateway,
  gatewayTarget,
  jwt,
  meshConfig,
  object,
  referenceGrant,
  route,
  routeTarget,
  service,
  snapshotOf,
} from '../../testing/build.ts';
import { changedBy, stepIn } from '../../testing/changes.ts';
import { fuzz } from '../../testing/fuzz.ts';
import type { Forms } from '../../testing/universe.ts';
import { resolver } from '../resolve.ts';

const sidecar = { mesh: { mode: 'Sidecar' } };
const second = { name: 'second' };
const app = (name: string, more: object = {}) => ({ selector: { app: name, ...more } });
const at = (value: string, name = 'orders', more: object = {}) => ({
  matches: [{ path: { value } }],
  backendRefs: [backendRef({ name })],
  ...more,
});
const rewrite = { rewrite: { path: { type: 'ReplacePrefixMatch', value: '/' } } };
const batch = { from: [{ serviceAccounts: ['billing/batch'] }] };
const toService = (name: string) => ({ targetRefs: [{ kind: 'Service', name }] });
const proxied = { containers: [{ name: 'istio-proxy', ports: [{ name: 'web', containerPort: 8080 }] }] };

const universe: readonly Forms[] = [
  [meshConfig(), meshConfig('{}')],
  [gateway(sidecar), gateway({ mesh: { mode: 'Ambient' } }), gateway(), gateway({ ...sidecar, className: 'alpha' })],
  [gateway({ ...sidecar, defaultAccess: 'Public' }, second), gateway({ mesh: { mode: 'Ambient' } }, second)],
  [
    route({ rules: [at('/a'), at('/')] }),
    route({ hostnames: ['a.example.com'], rules: [at('/a', 'orders', rewrite), at('/b', 'pay'), at('/')] }),
    route({ rules: [{ name: 'all', backendRefs: [backendRef(), backendRef({ name: 'twin' })] }] }),
  ],
  [
    route({ rules: [at('/pay', 'pay')] }, { name: 'pay' }),
    route({ parentRefs: [{ name: 'second' }], rules: [at('/a/b')] }, { name: 'pay' }),
    route({ rules: [{ backendRefs: [backendRef({ name: 'far', namespace: 'bank' })] }] }, { name: 'pay' }),
  ],
  [
    authPolicy(),
    authPolicy({ authenticate: { jwt: [jwt()] } }),
    authPolicy({ mode: 'Shadow', authorize: { allow: [{ to: [{ methods: ['GET'] }] }] } }),
    authPolicy({ authorize: { allow: [batch, {}], deny: [{ to: [{ methods: ['DELETE'] }] }] } }),
    authPolicy({ targetRefs: 'all' }),
  ],
  [authPolicy({ targetRefs: [routeTarget('pay')] }, { name: 'pay' })],
  [authPolicy({ targetRefs: [gatewayTarget()], authorize: { deny: [batch] } }, { name: 'outer' })],
  [
    authPolicy({ ...toService('orders'), authorize: { allow: [batch] } }, { name: 'behind' }),
    authPolicy(toService('pay'), { name: 'behind' }),
    authPolicy({ targetRefs: [{ kind: 'Service', name: 'orders', sectionName: 'gone' }] }, { name: 'behind' }),
  ],
  [service(app('orders')), service(), service({ ...app('orders'), ports: [{ port: 80, targetPort: 'web' }] })],
  [service(app('pay'), { name: 'pay' }), service(app('orders', { track: 'canary' }), { name: 'pay' })],
  [service(app('orders'), { name: 'twin' }), service(app('twin'), { name: 'twin' })],
  [service(app('far'), { name: 'far', namespace: 'bank' })],
  [referenceGrant('shop', { namespace: 'bank' })],
  [
    object('Pod', 'one', { spec: proxied }, { labels: { app: 'orders' } }),
    object('Pod', 'one', { spec: {} }, { labels: { app: 'orders', track: 'canary' } }),
  ],
  [object('AuthorizationPolicy', 'theirs', { spec: { rules: [{}] } }), object('AuthorizationPolicy', 'theirs', {})],
  [object('PeerAuthentication', 'theirs', { spec: { selector: { matchLabels: { app: 'orders' } } } })],
];

const step = stepIn(universe);

/** In whatever order the policies came. */
function content({ workloads, reports, findings }: Mesh): object {
  const sorted = (all: readonly unknown[]) => all.map((one) => JSON.stringify(one)).toSorted();
  return {
    workloads: Object.fromEntries(workloads),
    reports: sorted([...reports.values()].flat()),
    findings: sorted(findings),
  };
}

const everything = universe.map(([good]) => good);

test('whatever happens, one after another, ends as if it had been so from the start', () => {
  fc.assert(
    fc.property(fc.boolean(), fc.array(step, { minLength: 4, maxLength: 16, size: 'max' }), (full, steps) => {
      const incremental = resolver();
      let snapshot = snapshotOf(full ? everything : []);
      incremental(snapshot);
      for (const change of steps) {
        snapshot = changedBy(snapshot, change);
        expect(content(incremental(snapshot).mesh)).toEqual(content(resolver()(snapshot).mesh));
      }
    }),
    fuzz(60),
  );
});

test('what a change does not concern is the same object', () => {
  const usual = resolver();
  const start = snapshotOf([...everything, object('Pod', 'other', { spec: {} }, { labels: { app: 'pay' } })]);
  const before = usual(start).mesh;
  const policy = authPolicy({ targetRefs: [routeTarget('pay')], authorize: { allow: [batch] } }, { name: 'pay' });
  const after = usual({ ...start, AuthPolicy: new Map(start.AuthPolicy).set('shop/pay', policy) }).mesh;
  expect([...after.workloads].filter(([key, one]) => before.workloads.get(key) !== one).map(([key]) => key)).toEqual([
    'shop/pay',
  ]);
  const same = authPolicy(
    { targetRefs: [routeTarget('pay')], authorize: { allow: [{ ...batch, name: 'renamed' }] } },
    { name: 'pay' },
  );
  const again = usual({ ...start, AuthPolicy: new Map(start.AuthPolicy).set('shop/pay', { ...same }) }).mesh;
  expect([...again.workloads].filter(([key, one]) => after.workloads.get(key) !== one).map(([key]) => key)).toEqual([
    'shop/pay',
  ]);
  const untouched = usual({ ...start, AuthPolicy: new Map(start.AuthPolicy).set('shop/pay', { ...same }) }).mesh;
  expect([...untouched.workloads].filter(([key, one]) => again.workloads.get(key) !== one)).toEqual([]);
});
