/** The same Pods by the name of another Service: ALLOW policies are OR-ed, so what an old one leaves open, all leave open. */
import { afterEach, describe, expect, test } from '@jest/globals';
import type { AuthorizationPolicy } from '../../../istio/security.ts';
import type { KubeObject } from '../../../kube/object.ts';
import { resources } from '../../../kube/resources.ts';
import { authPolicy, backendRef, route, service, serviceTarget } from '../../../testing/build.ts';
import { meshedShop, ordersRoute, workloadService } from '../../../testing/operator/meshed-shop.ts';
import { type OperatorRig, rigPool } from '../../../testing/operator/rig.ts';
import { createAll } from '../../../testing/operator/shop.ts';
import { securityKinds } from './stored.ts';

const pool = rigPool();
afterEach(pool.stop);

async function opened(mesh: object = {}): Promise<OperatorRig> {
  const rig = await pool.open();
  createAll(rig.api, meshedShop(mesh));
  rig.start();
  await rig.quiet();
  return rig;
}

function named(name: string, targetPort: number, labels: object = {}): KubeObject {
  return service({ selector: { app: 'orders', ...labels }, ports: [{ name: 'http', port: 80, targetPort }] }, { name });
}

const routeTo = (name: string) => route({ rules: [{ name: 'all', backendRefs: [backendRef({ name })] }] });
const guarding = (name: string) =>
  authPolicy(
    { authorize: { allow: [{ name: 'a', to: [{ methods: ['GET'] }] }] }, targetRefs: [serviceTarget(name)] },
    { name },
  );

/** Of each ALLOW that selects a Pod of `orders`, by its name: ports that it does not leave open. */
function closed({ api }: OperatorRig): Readonly<Record<string, readonly string[]>> {
  const all = api.list(resources.AuthorizationPolicy) as readonly AuthorizationPolicy[];
  const own = all.filter(({ spec }) => spec?.action === 'ALLOW' && spec.selector?.matchLabels?.['app'] === 'orders');
  return Object.fromEntries(
    own.map(({ metadata, spec }) => [metadata.name, spec?.rules?.at(-1)?.to?.[0]?.operation.notPorts ?? ['all']]),
  );
}

function names({ api }: OperatorRig): readonly string[] {
  const all = securityKinds.flatMap((kind) => api.list(resources[kind]) as readonly KubeObject[]);
  return all.map(({ kind, metadata }) => `${kind} ${metadata.name}`).filter((name) => !name.includes('billing'));
}

describe('a Service that is renamed', () => {
  test('hands over what was closed, and nothing is left of its old name', async () => {
    const rig = await opened();
    rig.api.create(named('orders2', 8080));
    rig.api.put(routeTo('orders2'));
    await rig.quiet(30_000);
    rig.api.delete(workloadService('orders'));
    await rig.quiet(30_000);
    expect(closed(rig)).toEqual({ 'evengate-orders2.allow': ['8080'] });
    expect(names(rig)).toEqual(['AuthorizationPolicy evengate-orders2.allow', 'PeerAuthentication evengate-orders2']);
  });

  test.each([{ name: 'admin' }, { name: 'zebra' }])(
    'to $name, on another port: the old one stays closed',
    async ({ name }) => {
      const rig = await opened();
      rig.api.delete(workloadService('orders'));
      rig.api.create(named(name, 9090));
      rig.api.put(routeTo(name));
      await rig.quiet(30_000);
      expect(closed(rig)).toEqual({ [`evengate-${name}.allow`]: ['8080', '9090'] });
      await rig.kill();
      rig.start();
      await rig.quiet(30_000);
      expect(closed(rig)).toEqual({ [`evengate-${name}.allow`]: ['8080', '9090'] });
    },
  );

  test('to another port: the old one opens where every gateway says Release', async () => {
    const rig = await opened({ onLastPolicy: 'Release' });
    rig.api.delete(workloadService('orders'));
    rig.api.create(named('zebra', 9090));
    rig.api.put(routeTo('zebra'));
    await rig.quiet(60_000);
    expect(closed(rig)).toEqual({ 'evengate-zebra.allow': ['9090'] });
  });
});

test('what is kept of Pods, and a Service of some of them: neither opens what the other closes', async () => {
  const rig = await opened();
  rig.api.delete(ordersRoute());
  rig.api.delete(workloadService('orders'));
  await rig.quiet(30_000);
  rig.api.create(named('canary', 9090, { tier: 'canary' }));
  rig.api.create(guarding('canary'));
  await rig.quiet(30_000);
  const ports = ['8080', '9090'];
  expect(closed(rig)).toEqual({ 'evengate-canary.allow': ports, 'evengate-orders.allow': ports });
});
