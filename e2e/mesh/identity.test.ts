/** A gateway in the mesh, in front of a workload that lets nobody else in, by policies that are not ours, and of one without a proxy. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { KubeObject } from '../../src/kube/object.ts';
import { startOperator } from '../operator/lib/operator.ts';
import { authPolicy, backends, route, rule } from '../operator/lib/shop.ts';
import { until } from '../operator/lib/until.ts';
import type { World } from '../operator/lib/world.ts';
import { type Caller, openCaller, settled } from './lib/callers.ts';
import { meshedBackends, openMesh } from './lib/meshed.ts';
import { edgeService, host, meshGateway } from './lib/shop.ts';
import { meshSuite } from './lib/suite.ts';

const suite = await meshSuite();

function security(kind: string, name: string, spec: object): KubeObject {
  return { apiVersion: 'security.istio.io/v1', kind, metadata: { name }, spec };
}

suite('a gateway in the mesh', () => {
  let world: World;
  let outside: Caller;
  const edge = () => `spiffe://cluster.local/ns/${world.namespace}/sa/edge-edge`;

  beforeAll(async () => {
    world = await openMesh('e2e-identity');
    const rules = [{ from: [{ source: { principals: [edge().slice('spiffe://'.length)] } }] }];
    const selector = { matchLabels: { app: 'web' } };
    [outside] = await Promise.all([
      openCaller(world, 'outside', { standing: 'Outside' }),
      startOperator(world, { class: world.namespace, where: 'outside' }),
      meshedBackends(world, 'web'),
      backends(world, 'plain'),
      world.apply(
        security('PeerAuthentication', 'byhand', { selector, mtls: { mode: 'STRICT' } }),
        security('AuthorizationPolicy', 'byhand', { selector, rules }),
        meshGateway(world),
        route('both', host, [rule('/web', 'web'), rule('/plain', 'plain')]),
        authPolicy('both', 'both'),
      ),
    ]);
    await world.ready('ApiGateway', 'edge');
  });
  afterAll(() => world?.end());

  const ask = (path: string) => ({ ...edgeService, path, headers: { host } });
  const answered = (path: string) => until(path, () => settled(() => outside.status(ask(path)), '200'));

  test('is known to the workloads of the mesh by its own name', async () => {
    await answered('/web');
    const { headers } = JSON.parse((await outside.ask(ask('/web'))).body ?? '') as { readonly headers: object };
    const names = [`By=spiffe://cluster.local/ns/${world.namespace}/sa/web;`, `;URI=${edge()}`];
    for (const name of names) expect(headers).toHaveProperty('x-forwarded-client-cert', expect.stringContaining(name));
  });

  test('speaks plainly to those that are in no mesh', async () => {
    await answered('/plain');
    expect((await outside.ask(ask('/plain'))).body).not.toContain('x-forwarded-client-cert');
  });
});
