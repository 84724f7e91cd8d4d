/** One policy on both sides: what the gateway asks of its clients, the workload's own proxy asks again, and of its peers besides. */

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { authPolicy } from '../operator/lib/shop.ts';
import { until } from '../operator/lib/until.ts';
import { settled } from './lib/callers.ts';
import { meshedBackends } from './lib/meshed.ts';
import { openShop, type Request, type Shop } from './lib/open-shop.ts';
import { meshSuite } from './lib/suite.ts';

const suite = await meshSuite();

suite('one policy', () => {
  let shop: Shop;
  beforeAll(async () => {
    shop = await openShop('e2e-zero-trust', 'pod');
  });
  afterAll(() => shop?.world.end());

  /** Each differs in one thing from what a reader may. */
  const requests: readonly [what: string, request: Request, atEdge: number, inMesh: number][] = [
    ['as a reader may', {}, 200, 200],
    ['without a token', { token: 'none' }, 401, 403],
    ['with a forged token', { token: 'forged' }, 401, 401],
    ['with a token of another scope', { token: 'writer' }, 403, 403],
    ['with another method', { method: 'POST' }, 403, 403],
    ['for what is denied', { path: '/orders/internal' }, 403, 403],
    ['for another path', { path: '/carts' }, 404, 403],
    ['for another host', { host: 'other.test' }, 404, 403],
  ];

  test.each(requests)('asked through the gateway %s', async (_, request, atEdge) => {
    expect(await shop.outside.ask(shop.throughGateway(request))).toMatchObject({ status: atEdge });
  });

  test.each(requests)('asked with the stolen identity of the gateway %s', async (_, request, __, inMesh) => {
    expect(await shop.thief.ask(shop.direct(request))).toMatchObject({ status: inMesh });
  });

  test('plaintext is refused, also with all that a reader needs', async () => {
    const { mutualTls: _, ...direct } = shop.direct();
    expect(await shop.outside.status(direct)).toBe('ECONNRESET');
    expect(await shop.outside.status({ ...direct, host: 'web', port: 80 })).toBe('ECONNRESET');
  });

  test('a peer in the mesh is judged by its identity, under the rule that names it', async () => {
    const { friend, stranger, direct, inside } = shop;
    expect(await friend.status(inside('/orders/batch'))).toBe('200');
    expect(await friend.status(inside('/orders/batch', 'POST'))).toBe('403');
    expect(await friend.status(inside('/orders/1'))).toBe('403');
    for (const path of ['/orders/batch', '/orders/1']) expect(await stranger.status(direct({ path }))).toBe('403');
    const { authorization } = direct().headers as { readonly authorization: string };
    expect(await friend.status({ ...inside('/orders/1'), headers: { authorization } })).toBe('403');
  });

  test('is said to be enforced on both sides', async () => {
    const condition = (type: string) => shop.world.condition('AuthPolicy', 'orders', type);
    await until('MeshEnforced', async () => (await condition('MeshEnforced'))?.status === 'True', {
      seen: () => condition('MeshEnforced'),
    });
    expect(await condition('MeshEnforced')).toMatchObject({ reason: 'Full' });
    expect(await condition('EdgeEnforced')).toMatchObject({ status: 'True' });
  });

  test('on a Service, holds for whoever calls it, which is nobody from outside', async () => {
    const { world, friend, stranger, thief, outside } = shop;
    const allow = [{ name: 'clerks', from: [{ serviceAccounts: ['friend'] }], to: [{ methods: ['GET'] }] }];
    await meshedBackends(world, 'ledger');
    await world.apply(authPolicy('ledger', { kind: 'Service', name: 'ledger' }, { authorize: { allow } }));
    const ledger = { host: 'ledger', port: 80 };
    await until('a stranger is refused', () => settled(() => stranger.status({ ...ledger, mutualTls: true }), '403'));
    expect(await friend.status(ledger)).toBe('200');
    expect(await friend.status({ ...ledger, method: 'POST' })).toBe('403');
    expect(await thief.status({ ...ledger, mutualTls: true })).toBe('403');
    expect(await outside.status(ledger)).toBe('ECONNRESET');
  });
});
