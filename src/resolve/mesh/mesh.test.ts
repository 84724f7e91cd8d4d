import { describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../../kube/object.ts';
import { authPolicy, backendRef, gateway, jwt, route, routeTarget, service, snapshotOf } from '../../testing/build.ts';
import { told } from '../../testing/mesh/told.ts';
import { resolver } from '../resolve.ts';

const inMesh = (mesh: object = {}) => gateway({ mesh: { mode: 'Sidecar', ...mesh } });
const orders = service({ selector: { app: 'orders' }, ports: [{ port: 80, targetPort: 8080 }] });

function mesh(...objects: readonly KubeObject[]) {
  return resolver()(snapshotOf(objects)).mesh;
}

describe('through the edge', () => {
  test('what is public admits the identity of the edge', () => {
    expect(told(mesh(inMesh(), orders, route(), authPolicy()))).toEqual({
      'shop/orders': {
        closed: 'orders:80→8080',
        allow: ['orders:80 principal: cluster.local/ns/shop/sa/edge-edge'],
      },
    });
  });

  test('a guarded path beside a public one is no part of that', () => {
    const rules = [
      { name: 'admin', matches: [{ path: { value: '/admin' } }], backendRefs: [backendRef()] },
      { name: 'all', backendRefs: [backendRef()] },
    ];
    const guarded = authPolicy(
      {
        targetRefs: [routeTarget('orders', 'admin')],
        authenticate: { jwt: [jwt()] },
        authorize: {
          allow: [
            { name: 'batch', from: [{ serviceAccounts: ['billing/batch'] }] },
            { name: 'staff', when: [{ claim: 'scope', values: ['admin'] }] },
          ],
        },
      },
      { name: 'admin' },
    );
    const open = authPolicy({ targetRefs: [routeTarget('orders', 'all')] });
    const edge = 'principal: cluster.local/ns/shop/sa/edge-edge';
    const host = 'host: a.example.com a.example.com:*';
    expect(told(mesh(inMesh(), orders, route({ hostnames: ['a.example.com'], rules }), open, guarded))).toEqual({
      'shop/orders': {
        closed: 'orders:80→8080',
        allow: [
          `orders:80 claim:["scope"]: admin & ${host} & issuer: issuer & path: /admin /admin/* & ${edge}`,
          `orders:80 ${host} & path: not /admin /admin/* & ${edge}`,
          'orders:80 path: /admin /admin/* & principal: cluster.local/ns/billing/sa/batch',
        ],
      },
    });
  });
});
