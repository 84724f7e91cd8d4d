import { expect, test } from '@jest/globals';
import type { MeshWorkload } from '../../ir/mesh.ts';
import { noMesh } from '../../ir/mesh.ts';
import { workload } from '../../testing/mesh-workload.ts';
import { meshFiles } from './mesh.ts';

function meshOf(...workloads: readonly MeshWorkload[]) {
  return { ...noMesh, workloads: new Map(workloads.map((one) => [one.key, one])) };
}

const settings = { mode: 'Ambient', waypoint: { name: 'wp', managed: true } } as const;
const mesh = meshOf(
  workload({ services: ['orders', 'zeta'], settings }),
  workload({ services: ['cart'], closed: ['cart 80 1'] }),
);

test('waypoints, then each workload, in order of creation', () => {
  expect(meshFiles(mesh, 'evengate', () => true).map(({ about }) => about)).toEqual([
    'waypoint shop/wp: Gateway wp',
    'Service shop/cart: AuthorizationPolicy evengate-cart.allow',
    'Service shop/cart: PeerAuthentication evengate-cart',
    'Service shop/orders, shop/zeta: AuthorizationPolicy evengate-orders.waypoint-allow',
    'Service shop/orders, shop/zeta: AuthorizationPolicy evengate-orders.ztunnel-allow',
    'Service shop/orders, shop/zeta: PeerAuthentication evengate-orders',
  ]);
});

test('one namespace alone, and nothing without a mesh', () => {
  expect(meshFiles(mesh, 'evengate', (namespace) => namespace === 'other')).toEqual([]);
  expect(meshFiles(noMesh, 'evengate', () => true)).toEqual([]);
});
