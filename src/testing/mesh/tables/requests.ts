/** Istio's tables about what is asked: hosts, methods, ports, paths, headers (tests/integration/security/authz_test.go). */
import {
  all,
  anyone,
  hostOf,
  identities,
  type NotOurs,
  paths,
  policy,
  type Row,
  secondPort,
  servicePolicy,
  type Table,
  type Verdict,
} from './table.ts';

const templates = ['/allow/admin/{**}', '/foo/{*}/bar/{**}', '/store/{**}/cart'];

function selected(name: 'orders' | 'cart'): object {
  const own = [`/policy-ns1-${name}`, '/policy-ns1-all', `/policy-system-${name}`];
  return { targetRefs: [{ kind: 'Service', name }], authorize: { allow: [{ name: 'own', to: [{ paths: own }] }] } };
}

export const requestTables: readonly Table[] = [
  {
    of: 'TestAuthz_NotHost',
    policies: [servicePolicy({ allow: [{ name: 'others', to: [{ notHosts: ['deny.orders.com'] }] }] })],
    rows: [
      { at: 0, host: 'allow.orders.com', answers: all(200) },
      { at: 1, host: 'deny.orders.com', answers: all(403) },
      { host: 'DENY.orders.com:8443', answers: all(403) },
    ],
  },
  {
    of: 'TestAuthz_NotMethod',
    policies: [servicePolicy({ allow: [{ name: 'others', to: [{ notMethods: ['PUT'] }] }] })],
    rows: [
      { at: 0, answers: all(200) },
      { at: 1, method: 'PUT', answers: all(403) },
    ],
  },
  {
    of: 'TestAuthz_NotPort',
    secondPort: true,
    policies: [
      policy('http', { targetRefs: [portTarget('http')], authorize: { allow: [anyone] } }),
      policy('http2', { targetRefs: [portTarget('http2')], authorize: { allow: [] } }),
    ],
    rows: [
      { at: 0, answers: all(200) },
      { at: 1, port: secondPort, answers: { a: 403, b: 403 } },
    ],
  },
  {
    of: 'TestAuthz_WorkloadSelector',
    policies: [policy('orders', selected('orders')), policy('cart', selected('cart'))],
    rows: [
      { at: 0, path: '/policy-ns1-orders-bad', answers: all(403) },
      { at: 2, path: '/policy-ns1-all', answers: all(200) },
      { at: 2, path: '/policy-ns2-all', answers: all(403) },
      ...['orders', 'cart'].flatMap((to): readonly Row[] => {
        const other = to === 'orders' ? 'cart' : 'orders';
        const sent = { to: to as 'orders' | 'cart', host: hostOf(to as 'orders' | 'cart') };
        return [
          { at: 3, path: `/policy-ns1-${to}`, ...sent, answers: all(200) },
          { at: 4, path: `/policy-system-${to}`, ...sent, answers: all(200) },
          { at: 5, path: `/policy-ns1-${other}`, ...sent, answers: all(403) },
          { at: 6, path: `/policy-system-${other}`, ...sent, answers: all(403) },
        ];
      }),
    ],
    notOurs: [
      {
        at: [1],
        because:
          'a policy of ours is about a Service: labels of a Pod that its selector does not name change nothing, and those that it names make the Pod another workload',
      },
    ],
  },
  {
    of: 'TestAuthz_PathPrecedence',
    policies: [
      servicePolicy({
        allow: [{ name: 'prefix', to: [{ paths: ['/allow*'] }] }],
        deny: [{ name: 'admin', to: [{ paths: ['/allow/admin'] }] }],
      }),
    ],
    rows: [
      ...paths({ 0: '/allow/admin', 1: '/allow/admin?param=value' }, all(403)),
      ...paths({ 2: '/allow', 3: '/allow?param=value' }, all(200)),
    ],
  },
  {
    of: 'TestAuthz_PathTemplating',
    policies: [servicePolicy({ allow: [{ name: 'templates', to: [{ paths: templates }] }] })],
    rows: [
      ...paths(
        {
          0: '/allow/admin/',
          5: '/allow/admin/temp',
          6: '/allow/admin/temp.txt',
          7: '/allow/admin/foo/temp.txt',
          8: '/foo/buzz/bar/bat.txt',
          9: '/foo/buzz/bar/bat.temp.txt',
          10: '/foo/buzz/bar/bat/fuzz.txt',
          13: '/foo/buzz/bar/bat',
          16: '/store/foo/cart',
          17: '/store/foo/bar/cart',
        },
        all(200),
      ),
      ...paths(
        {
          1: '/allow/admin',
          2: '/allow/user/',
          3: '/allow/admin?param=value',
          4: '/allow',
          11: '/foo/bar/bat.txt',
          12: '/foo//bar/bat.txt',
          15: '/store/cart',
        },
        all(403),
      ),
      { path: '/store//cart', answers: all(403) },
    ],
    notOurs: [
      {
        at: [14],
        because:
          'the edge, and the mesh that Evengate asks for (DECODE_AND_MERGE_SLASHES), read /store//cart as /store/cart, which the template does not match in Istio either',
      },
    ],
  },
  {
    of: 'TestAuthz_PathNormalization',
    policies: [servicePolicy({ allow: [{ name: 'public', to: [{ paths: ['/public*'], methods: ['GET'] }] }] })],
    rows: [
      ...paths({ 0: '/public', 1: '/public/../public' }, all(200)),
      ...paths(
        {
          2: '/private',
          3: '/public/../private',
          4: '/public/./../private',
          5: '/public/.././private',
          6: '/public/%2E%2E/private',
          7: '/public/%2e%2e/private',
          8: '/public/%2E/%2E%2E/private',
          9: '/public/%2e/%2e%2e/private',
          10: '/public/%2E%2E/%2E/private',
          11: '/public/%2e%2e/%2e/private',
        },
        all(403),
      ),
    ],
  },
  {
    of: 'TestAuthz_Conditions',
    policies: [servicePolicy({ allow: conditions() })],
    rows: [
      foo(0, '/request-headers', 'foo', 200),
      foo(1, '/request-headers', 'bar', 403),
      { at: 2, path: '/request-headers', answers: all(403) },
      foo(3, '/request-headers-notValues', 'foo', 200),
      foo(4, '/request-headers-notValues', 'bar', 403),
      ...paths({ 7: '/source-namespace', 9: '/source-principal' }, { a: 200, b: 403, outside: 403 }),
      ...paths(
        { 8: '/source-namespace-notValues', 10: '/source-principal-notValues' },
        { a: 200, b: 403, outside: 200 },
      ),
      { at: 11, path: '/source-trust-domain', answers: { a: 200, b: 200, outside: 403 } },
      { at: 12, path: '/source-trust-domain-notValues', answers: all(200) },
      { at: 22, path: '/other', answers: all(403) },
    ],
    notOurs: notConditions(),
  },
];

function portTarget(sectionName: string): object {
  return { kind: 'Service', name: 'orders', sectionName };
}

function foo(at: number, path: string, value: string, verdict: Verdict): Row {
  return { at, path, headers: [['x-foo', value]], answers: all(verdict) };
}

function conditions(): readonly object[] {
  const sources: readonly (readonly [string, object])[] = [
    ['source-namespace', { namespaces: ['WORLD'] }],
    ['source-namespace-notValues', { notNamespaces: ['other'] }],
    ['source-principal', { principals: [identities.a] }],
    ['source-principal-notValues', { notPrincipals: [identities.b] }],
    ['source-trust-domain', { principals: ['cluster.local/*'] }],
    ['source-trust-domain-notValues', { notPrincipals: ['bad.example.com/*'] }],
  ];
  return [
    { name: 'headers', to: [{ paths: ['/request-headers'] }], when: [{ header: 'x-foo', values: ['foo'] }] },
    {
      name: 'not-headers',
      to: [{ paths: ['/request-headers-notValues'] }],
      when: [{ header: 'x-foo', notValues: ['bar'] }],
    },
    ...sources.map(([name, source]) => ({ name: name.toLowerCase(), from: [source], to: [{ paths: [`/${name}`] }] })),
  ];
}

function notConditions(): readonly NotOurs[] {
  return [
    {
      at: [5, 6],
      because:
        'source.ip of a caller inside the mesh is the address of a Pod, which the next Pod may have tomorrow: addresses are of the edge alone, callers inside are named by their identity',
    },
    {
      at: [13, 14, 15],
      because: 'destination.ip is the address of a Pod of the target: a policy of ours names its target by targetRefs',
    },
    {
      at: [16, 17, 18],
      because:
        'destination.port is another number at each enforcement point: a port is named by targetRefs, as Service and sectionName (TestAuthz_NotPort)',
    },
    {
      at: [19, 20, 21],
      because:
        'connection.sni inside the mesh is made up by the calling proxy, and at the edge a listener owns its hostname (421 elsewhere): no rule looks at it',
    },
  ];
}

export const customServer: NotOurs & { readonly of: string } = {
  of: 'TestAuthz_CustomServer',
  at: [0, 1, 2, 3, 4],
  because: 'CUSTOM asks a server of the mesh (ext_authz): `authenticate.external` is not part of the API yet',
};
