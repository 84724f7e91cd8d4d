import { afterEach, expect, test } from '@jest/globals';
import type { AuthorizationPolicy } from '../../../istio/security.ts';
import { resources } from '../../../kube/resources.ts';
import { backendRef, route, service } from '../../../testing/build.ts';
import { meshedShop } from '../../../testing/operator/meshed-shop.ts';
import { type OperatorRig, rigPool } from '../../../testing/operator/rig.ts';
import { createAll } from '../../../testing/operator/shop.ts';
import { withKeptPorts } from './kept.ts';

const pool = rigPool();
afterEach(pool.stop);

function allowOf({ api }: OperatorRig): AuthorizationPolicy {
  return api.get(resources.AuthorizationPolicy, 'shop', 'evengate-orders.allow') as AuthorizationPolicy;
}

test.each<readonly [object, readonly string[]]>([
  [{}, ['8080', '9090']],
  [{ onLastPolicy: 'Release' }, ['8080']],
])('a port that nothing names any more stays closed, unless %j', async (mesh, ports) => {
  const both = [
    { name: 'http', port: 80, targetPort: 8080 },
    { name: 'admin', port: 81, targetPort: 9090 },
  ];
  const backends = (...numbers: readonly number[]) => numbers.map((port) => backendRef({ port }));
  const rig = await pool.open();
  const others = meshedShop(mesh).filter(({ kind, metadata }) => kind !== 'Route' && metadata.name !== 'orders');
  const own = meshedShop(mesh).filter(({ kind, metadata }) => kind === 'AuthPolicy' && metadata.name === 'orders');
  createAll(rig.api, [
    ...others,
    ...own,
    service({ selector: { app: 'orders' }, ports: both }, { name: 'orders' }),
    route({ rules: [{ name: 'all', backendRefs: backends(80, 81) }] }),
  ]);
  rig.start();
  await rig.quiet();
  const closed = () => allowOf(rig).spec?.rules?.at(-1)?.to;
  expect(closed()).toEqual([{ operation: { notPorts: ['8080', '9090'] } }]);
  rig.api.put(route({ rules: [{ name: 'all', backendRefs: backends(80) }] }));
  await rig.quiet(30_000);
  await rig.kill();
  rig.start();
  await rig.quiet(30_000);
  expect(closed()).toEqual([{ operation: { notPorts: ports } }]);
  expect(JSON.stringify(allowOf(rig))).not.toContain('"ports":["9090"]');
});

function allow(...notPorts: readonly string[]): AuthorizationPolicy {
  const open = notPorts.length === 0 ? [] : [{ to: [{ operation: { notPorts } }] }];
  const callers = [{ from: [{ source: { principals: ['a/ns/b/sa/c'] } }], to: [{ operation: { ports: ['80'] } }] }];
  return {
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { name: 'a', namespace: 'shop' },
    spec: { action: 'ALLOW', rules: [...callers, ...open] },
  };
}

test.each<readonly [string, AuthorizationPolicy, readonly AuthorizationPolicy[], AuthorizationPolicy]>([
  ['nothing was written', allow('80'), [], allow('80')],
  ['fewer were closed', allow('80', '90'), [allow('80')], allow('80', '90')],
  ['others were closed', allow('80'), [allow('90', '100')], allow('80', '90', '100')],
  ['all were closed, as one was not known', allow('80'), [allow()], allow('80')],
  ['all are to be closed', allow(), [allow('90')], allow()],
])('closed ports where %s', (_, desired, stored, expected) => {
  expect(withKeptPorts([desired], stored)).toEqual([expected]);
});
