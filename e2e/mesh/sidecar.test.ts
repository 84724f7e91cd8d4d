/** The mesh of the tests itself, with policies by hand: what tests of the operator take for granted. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { KubeObject } from '../../src/kube/object.ts';
import { until } from '../operator/lib/until.ts';
import type { World } from '../operator/lib/world.ts';
import { answersOf, type Caller, openCaller, settled } from './lib/callers.ts';
import { meshedBackends, openMesh, podAddress } from './lib/meshed.ts';
import { meshSuite } from './lib/suite.ts';

const suite = await meshSuite();

function security(kind: string, name: string, spec: object): KubeObject {
  return { apiVersion: 'security.istio.io/v1', kind, metadata: { name }, spec };
}

suite('a sidecar', () => {
  const selector = { matchLabels: { app: 'web' } };
  const allowing = (...accounts: readonly string[]) => {
    const principals = accounts.map((account) => `cluster.local/ns/${world.namespace}/sa/${account}`);
    return security('AuthorizationPolicy', 'web', {
      selector,
      action: 'ALLOW',
      rules: [{ from: [{ source: { principals } }] }],
    });
  };
  let world: World;
  let outside: Caller;
  let friend: Caller;
  let edge: Caller;
  let pod: string;

  beforeAll(async () => {
    world = await openMesh('e2e-sidecar');
    [outside, friend, edge] = await Promise.all([
      openCaller(world, 'outside', { standing: 'Outside' }),
      openCaller(world, 'friend', { standing: 'Sidecar' }),
      openCaller(world, 'edge', { standing: 'Certificate' }),
      meshedBackends(world, 'web'),
    ]);
    pod = await podAddress(world, 'web');
  });
  afterAll(() => world?.end());

  const web = { host: 'web', port: 80 };
  const direct = () => ({ host: pod, port: 8080 });

  test('without policies takes everybody, and shows its own identity', async () => {
    expect([await outside.status(web), await friend.status(web), await outside.status(direct())]).toEqual([
      '200',
      '200',
      '200',
    ]);
    const answer = await edge.ask({ ...direct(), mutualTls: true });
    expect(answer).toMatchObject({ status: 200, peer: `URI:spiffe://cluster.local/ns/${world.namespace}/sa/web` });
  });

  test('refuses plaintext once it is strict', async () => {
    await world.apply(
      security('PeerAuthentication', 'web', { selector: { matchLabels: { app: 'web' } }, mtls: { mode: 'STRICT' } }),
    );
    await until('plaintext is refused', async () => (await outside.status(web)) === 'ECONNRESET');
    expect(await outside.status(direct())).toBe('ECONNRESET');
    expect(await friend.status(web)).toBe('200');
    expect(await edge.status({ ...direct(), mutualTls: true })).toBe('200');
  });

  test('admits the identities of a policy, under its conditions', async () => {
    const source = { principals: [`cluster.local/ns/${world.namespace}/sa/edge`] };
    const operation = { methods: ['GET'], paths: ['/open'] };
    const rules = [{ from: [{ source }], to: [{ operation }] }];
    await world.apply(
      security('AuthorizationPolicy', 'web', { selector: { matchLabels: { app: 'web' } }, action: 'ALLOW', rules }),
    );
    await until('a friend is refused', async () => (await friend.status(web)) === '403');
    const as = (path: string, method = 'GET') => edge.status({ ...direct(), path, method, mutualTls: true });
    expect([await as('/open'), await as('/open', 'POST'), await as('/shut')]).toEqual(['200', '403', '403']);
  });

  test('takes a change on new connections, and answers once more as before on an old one', async () => {
    const asEdge = () => edge.status({ ...direct(), mutualTls: true });
    const pooled = () => friend.status({ ...web, pooled: true });
    await world.apply(allowing('edge', 'friend'));
    await until('both are admitted', async () => (await pooled()) === '200' && (await settled(asEdge, '200')));
    const stop = await edge.watch({ edge: { ...direct(), mutualTls: true } });
    await world.apply(allowing('nobody'));
    await until('the edge is refused', () => settled(asEdge, '403'));
    expect([['200', '403'], ['403']]).toContainEqual([...new Set([await pooled(), await pooled(), await pooled()])]);
    await world.apply(allowing('edge'));
    await until('the edge is admitted', () => settled(asEdge, '200'));
    expect(answersOf(await stop())).toEqual({ edge: ['200', '403'] });
  });
});
