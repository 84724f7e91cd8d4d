import { describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../../kube/object.ts';
import {
  authPolicy,
  backendRef,
  gateway,
  jwt,
  meshConfig,
  route,
  routeTarget,
  service,
  snapshotOf,
} from '../../testing/build.ts';
import { told, toldReports } from '../../testing/mesh/told.ts';
import { resolver } from '../resolve.ts';

const inMesh = (mesh: object = {}, listeners?: readonly object[]) =>
  gateway({ mesh: { mode: 'Sidecar', ...mesh }, ...(listeners && { listeners }) });
const orders = service({ selector: { app: 'orders' }, ports: [{ port: 80, targetPort: 8080 }] });

function mesh(...objects: readonly KubeObject[]) {
  return resolver()(snapshotOf([meshConfig(), ...objects])).mesh;
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

  test.each<[string, object, object]>([
    ['blocked', {}, { authorize: { allow: [{ name: 'none', from: [{ notRequestPrincipals: ['*'] }] }] } }],
    ['uncovered', { defaultAccess: 'Deny' }, {}],
  ])('a %s rule of a closer host is no part of one of every host', (word, more, policy) => {
    const closer = route({ hostnames: ['*.example.com'] }, { name: 'closer' });
    const open = route({ rules: [{ name: 'a', matches: [{ path: { value: '/a' } }], backendRefs: [backendRef()] }] });
    const policies = [
      authPolicy({}, { name: 'open' }),
      ...(word === 'blocked' ? [authPolicy({ targetRefs: [routeTarget('closer')], ...policy }, { name: 'none' })] : []),
    ];
    const found = mesh(inMesh(), gateway({ mesh: { mode: 'Sidecar' }, ...more }), orders, open, closer, ...policies);
    expect(told(found)['shop/orders']?.allow).toEqual([
      'orders:80 host: not *.example.com *.example.com:80 & path: /a /a/* & principal: cluster.local/ns/shop/sa/edge-edge',
    ]);
    // With another port behind the host the gateway alone tells them apart.
    const sentence = /the gateway alone decides by hosts such as \*\.example\.com/;
    expect(toldReports(found)).toContainEqual(expect.stringMatching(sentence));
    const untold = {
      policy:
        "none at shop/orders (sidecar): PartlyAtEdge all rules: the gateway alone decides by what tells a request from those of another rule; the mesh checks all else, of the gateway's identity",
      route:
        'Route closer spec.rules[0]: rule all admits nobody, but at Service shop/orders the mesh cannot tell all its requests from those of rule a of Route shop/orders, so the gateway alone refuses them',
    };
    if (word === 'blocked') expect(toldReports(found)).toContain(untold.policy);
    const warnings = found.findings.map(({ about, at, message }) => `${about.kind} ${about.name} ${at}: ${message}`);
    expect(warnings).toEqual(word === 'blocked' ? [] : [untold.route]);
  });

  test.each<[string, object, object, object]>([
    ['of another listener', {}, {}, { targetRefs: [{ kind: 'ApiGateway', name: 'edge', sectionName: 'alt' }] }],
    [
      'that a rewrite makes those of another rule',
      { path: { value: '/b' } },
      { rewrite: { path: { type: 'ReplacePrefixMatch', value: '/a' } } },
      { targetRefs: [{ ...routeTarget(), sectionName: 'second' }] },
    ],
    [
      'that another rule is rewritten to',
      { path: { value: '/b' } },
      { rewrite: { path: { type: 'ReplacePrefixMatch', value: '/a' } } },
      { targetRefs: [{ ...routeTarget(), sectionName: 'first' }] },
    ],
  ])('requests %s are told apart by the edge alone, and it is said', (word, match, change, target) => {
    const web = { name: 'web', port: 80, protocol: 'HTTP' };
    // Each row has one reason alone.
    const listeners = word === 'of another listener' ? [web, { ...web, name: 'alt', port: 81 }] : [web];
    const rules = [
      { name: 'first', matches: [{ path: { value: '/a' } }], backendRefs: [backendRef()] },
      { name: 'second', matches: [match], backendRefs: [backendRef()], ...change },
    ];
    const tenant = { allow: [{ name: 'tenant', when: [{ header: 'x-tenant', values: ['a'] }] }] };
    const found = mesh(
      inMesh({}, listeners),
      orders,
      route({ rules }),
      authPolicy(),
      authPolicy({ ...target, authorize: tenant }, { name: 'tenant' }),
    );
    expect(toldReports(found)).toContainEqual(
      expect.stringMatching(/^tenant at .*: PartlyAtEdge all rules: .* tells a request from those of another rule/),
    );
  });

  test.each<[string, readonly string[], string]>([
    ['are named', ['b.example.com'], 'not b.example.com:* *.example.com *.example.com:80'],
    [
      'are no hosts of a wildcard beside it',
      ['b.other.test'],
      'not b.other.test b.other.test:* *.example.com *.example.com:80',
    ],
    ['are too many', [...Array(20).keys()].map((n) => `h${n}.example.com`), 'not *.example.com *.example.com:80'],
  ])('of what every host takes, exact hosts below a wildcard %s', (_, hostnames, hosts) => {
    const closer = [
      route({ hostnames: ['*.example.com'] }, { name: 'wild' }),
      route({ hostnames, rules: [{ backendRefs: [backendRef({ name: 'other' })] }] }, { name: 'exact' }),
    ];
    const found = told(mesh(inMesh(), orders, route(), ...closer, authPolicy()))['shop/orders'];
    expect(found?.allow).toEqual([`orders:80 host: ${hosts} & principal: cluster.local/ns/shop/sa/edge-edge`]);
  });

  describe('what a policy on the Service denies to everybody is told, however many hosts Istio has no words for', () => {
    const noAdmin = { name: 'no-admin', to: [{ methods: ['POST'], paths: ['/admin'] }] };
    const behind = authPolicy(
      { targetRefs: [{ kind: 'Service', name: 'orders' }], authorize: { deny: [noAdmin] } },
      { name: 'behind' },
    );
    const hosts = [['a.example.com'], ['*.example.com'], undefined];
    const routes = (...changes: readonly object[]) =>
      hosts.flatMap((hostnames, index) => [
        route(
          { ...(hostnames && { hostnames }), rules: [{ name: 'all', backendRefs: [backendRef()], ...changes[index] }] },
          { name: `r${index}` },
        ),
        authPolicy({ targetRefs: [routeTarget(`r${index}`)] }, { name: `p${index}` }),
      ]);
    const denied = (...more: readonly KubeObject[]) =>
      (told(mesh(inMesh(), orders, behind, ...more))['shop/orders']?.deny ?? [])
        .filter((line) => !line.includes('principal: not'))
        .map((line) => line.replace('cluster.local/ns/shop/sa/edge-edge', 'EDGE'));
    const to = 'orders:80 method: POST & path: /admin & principal: EDGE';

    test('through all of them', () => {
      expect(denied(...routes())).toEqual([to]);
    });

    test('but where one of them makes such requests of others', () => {
      const rewrite = { path: { type: 'ReplacePrefixMatch', value: '/admin' } };
      const moved = { matches: [{ path: { value: '/panel' } }], rewrite };
      // `POST /panel` of a host that the exact one is not becomes such a request.
      expect(denied(...routes({}, {}, moved))).toEqual([
        'orders:80 host: a.example.com:* *.example.com *.example.com:80 & method: POST & path: /admin & principal: EDGE',
      ]);
    });
  });

  test.each<[string, object, readonly string[] | undefined]>([
    ['where no other rule sends such a request', {}, ['orders:80 method: DELETE & path: /a /a/* & principal: EDGE']],
    ['not where one does', { rewrite: { path: { type: 'ReplacePrefixMatch', value: '/a' } } }, undefined],
  ])('a deny is told again %s', (_, change, deny) => {
    const to = (value: string) => ({ matches: [{ path: { value } }], backendRefs: [backendRef()] });
    const rules = [
      { name: 'a', ...to('/a') },
      { name: 'b', ...to('/b'), ...change },
    ];
    const authorize = { allow: [{ name: 'anyone' }], deny: [{ name: 'no', to: [{ methods: ['DELETE'] }] }] };
    const policies = [
      authPolicy({ targetRefs: [routeTarget('orders', 'a')], authorize }),
      authPolicy({ targetRefs: [routeTarget('orders', 'b')] }, { name: 'b' }),
    ];
    const found = told(mesh(inMesh(), orders, route({ rules }), ...policies))['shop/orders'];
    expect(found?.deny?.map((line) => line.replace('cluster.local/ns/shop/sa/edge-edge', 'EDGE'))).toEqual(deny);
  });
});
