import { expect, test } from '@jest/globals';
import { authPolicy, gateway, meshConfig, route, service, snapshotOf } from '../../testing/build.ts';
import { told } from '../../testing/mesh/told.ts';
import { resolver } from '../resolve.ts';

const batch = { name: 'batch', from: [{ serviceAccounts: ['billing/batch'] }] };
const edge = 'principal: cluster.local/ns/shop/sa/edge-edge';
const caller = 'principal: cluster.local/ns/billing/sa/batch';

test.each<[string, object, readonly string[]]>([
  ['a method', { to: [{ methods: ['DELETE'] }] }, [`orders:80 method: not DELETE & ${caller}`]],
  [
    'any of two',
    { to: [{ methods: ['DELETE'] }], when: [{ header: 'x-test', values: ['1'] }] },
    [`orders:80 header:x-test: not 1 & ${caller}`, `orders:80 method: not DELETE & ${caller}`],
  ],
  ['everybody', {}, []],
  ['whom only the edge can know', { from: [{ remoteIpBlocks: ['203.0.113.0/24'] }] }, [`orders:80 ${caller}`]],
])("a Route's deny of %s holds for whom the Route lets in by name", (_, rule, expected) => {
  const objects = [
    gateway({ mesh: { mode: 'Sidecar' } }),
    service({ selector: { app: 'orders' }, ports: [{ port: 80, targetPort: 8080 }] }),
    route(),
    authPolicy({ authorize: { allow: [batch], deny: [{ name: 'no', ...rule }] } }),
  ];
  const found = told(resolver()(snapshotOf([meshConfig(), ...objects])).mesh)['shop/orders'] as {
    readonly allow?: readonly string[];
  };
  expect((found.allow ?? []).filter((line) => !line.includes(edge))).toEqual(expected);
});

test('what a Route and a Service policy admit together is said in one list, or admits nobody', () => {
  const meeting = (paths: readonly string[]) => {
    const objects = [
      gateway({ mesh: { mode: 'Sidecar' } }),
      service({ selector: { app: 'orders' }, ports: [{ port: 80, targetPort: 8080 }] }),
      route(),
      authPolicy({ authorize: { allow: [{ ...batch, to: [{ paths: ['/jobs/*'] }] }] } }),
      authPolicy(
        { targetRefs: [{ kind: 'Service', name: 'orders' }], authorize: { allow: [{ to: [{ paths }] }] } },
        { name: 'behind' },
      ),
    ];
    return told(resolver()(snapshotOf([meshConfig(), ...objects])).mesh)['shop/orders']?.allow.filter((line) =>
      line.includes(caller),
    );
  };
  expect(meeting(['/jobs/a*', '/x'])).toEqual([`orders:80 path: /jobs/a* & ${caller}`]);
  expect(meeting(['*.json'])).toEqual([]);
});
