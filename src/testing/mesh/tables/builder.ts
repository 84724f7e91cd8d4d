/** Istio's goldens of its own renderer (pilot/pkg/security/authz/builder): policies alone, so the requests are ours and the answers Istio's meaning. */
import {
  all,
  anyone,
  identities,
  type NotOurs,
  policy,
  type Row,
  servicePolicy,
  type Table,
  type Verdict,
} from './table.ts';

const of = 'TestGenerator_GenerateHTTP';

function path(name: string, verdict: Verdict, target: string): Row {
  return { at: name, path: target, answers: all(verdict) };
}

function shadow(name: string, authorize: object): ReturnType<typeof policy> {
  return policy(name, { targetRefs: [{ kind: 'Service', name: 'orders' }], mode: 'Shadow', authorize });
}

const allowed = { name: 'allowed', to: [{ paths: ['/allow'] }] };
const denied = { name: 'denied', to: [{ paths: ['/deny'] }] };
const everything = servicePolicy({ allow: [anyone] });

/** Whatever a shadow policy would refuse is counted, and passes. */
const shadows: readonly Table[] = [
  {
    of,
    policies: [everything, shadow('shadow', { allow: [{ name: 'exact', to: [{ paths: ['/exact'] }] }] })],
    rows: [path('dry-run-allow', 200, '/exact'), path('dry-run-allow', 200, '/other')],
  },
  {
    of,
    policies: [everything, shadow('allow', { allow: [allowed] }), shadow('deny', { deny: [denied] })],
    rows: ['/allow', '/deny', '/other'].map((target) => path('dry-run-allow-and-deny', 200, target)),
  },
  {
    of,
    policies: [
      servicePolicy({ allow: [{ name: 'another', to: [{ paths: ['/another'] }] }] }),
      shadow('shadow', { allow: [allowed] }),
    ],
    rows: [path('dry-run-mix', 200, '/another'), path('dry-run-mix', 403, '/allow')],
  },
];

const header = (value: string, verdict: Verdict): Row => ({
  at: 'allow-full-rule',
  host: 'exact.com',
  method: 'GET',
  headers: [['x-header', value]],
  answers: { a: verdict, outside: verdict },
});

/** Every kind of pattern of every field that stands for itself; Istio's own rule also excludes `*`, and so matches nothing. */
const full: Table = {
  of,
  policies: [
    servicePolicy({
      allow: [
        {
          name: 'accounts',
          from: [{ serviceAccounts: ['other/a', 'sa-only'], notServiceAccounts: ['WORLD/sa-not-only'] }],
          to: [{ paths: ['/accounts'] }],
        },
        {
          name: 'patterns',
          to: [
            {
              hosts: ['exact.com', 'prefix.*'],
              methods: ['GET', 'PA*', '*UT'],
              notPaths: ['/accounts'],
            },
          ],
          when: [
            {
              header: 'x-header',
              values: ['header', 'header-prefix-*', '*-suffix-header'],
              notValues: ['header-prefix-not', '*-not-suffix-header'],
            },
          ],
        },
      ],
    }),
  ],
  rows: [
    { at: 'allow-full-rule', path: '/accounts', answers: { a: 403, b: 200, outside: 403 } },
    header('header', 200),
    header('header-prefix-a', 200),
    header('a-suffix-header', 200),
    header('header-prefix-not', 403),
    header('a-not-suffix-header', 403),
    header('Header', 403),
    header('other', 403),
    ...['exact.com', 'EXACT.com:8080', 'prefix.com', 'prefix.org:1'].map((host) => ({
      ...header('header', 200),
      host,
    })),
    ...['other.com', 'exact.com.org'].map((host) => ({ ...header('header', 403), host })),
    ...['PATCH', 'PUT'].map((method) => ({ ...header('header', 200), method })),
    ...['POST', 'DELETE'].map((method) => ({ ...header('header', 403), method })),
  ],
  notOurs: [
    {
      at: ['allow-full-rule'],
      because:
        'its suffix of hosts is with us one with any port, which only the edge can read (TestAuthz_IngressGateway); its wildcards in namespaces, its ports, destination.ip, connection.sni and experimental.envoy.filters: the schema refuses them, as TestAuthz_Conditions says',
    },
  ],
};

/** Any of these lets a request in, where Istio has a policy each. */
const several: Table = {
  of,
  policies: [
    servicePolicy({
      allow: [
        { name: 'methods', to: [{ methods: ['GET', 'POST'], paths: ['/methods'] }] },
        { name: 'paths', to: [{ paths: ['/v1', '/v2'] }] },
        { name: 'hosts', to: [{ hosts: ['google.com', 'httpbin.org'] }] },
        { name: 'principals', from: [{ principals: [identities.b] }] },
        { name: 'namespaces', from: [{ namespaces: ['namespaces1', 'WORLD'] }], to: [{ paths: ['/namespaces'] }] },
        { name: 'header', when: [{ header: 'x-abc', values: ['abc1', 'abc2'] }] },
      ],
    }),
  ],
  rows: [
    { at: 'multiple-policies', answers: { a: 403, b: 200, outside: 403 } },
    { path: '/namespaces', answers: { a: 200, b: 200, outside: 403 } },
    ...['/v1', '/v2', '/methods'].map((path) => ({ path, answers: all(200) })),
    { path: '/methods', method: 'POST', answers: all(200) },
    { path: '/methods', method: 'DELETE', answers: { a: 403, b: 200, outside: 403 } },
    { host: 'httpbin.org', answers: all(200) },
    { headers: [['x-abc', 'abc2']], answers: all(200) },
    { headers: [['x-abc', 'abc3']], answers: { a: 403, b: 200, outside: 403 } },
  ],
};

function product(name: string, from: readonly object[], paths: readonly string[], values: readonly string[]): object {
  const to = paths.map((one) => ({ methods: ['GET'], hosts: ['orders.example.com'], paths: [one] }));
  return { name, from, to, when: [{ header: 'x-header', values }] };
}

function withHeader(value: string, target: string, answers: Row['answers']): Row {
  return { at: 'single-policy', path: target, headers: [['x-header', value]], answers };
}

/** One of `from`, one of `to`, all of `when`. */
const single: Table = {
  of,
  policies: [
    servicePolicy({
      allow: [
        product(
          'first',
          [
            { principals: [identities.a], namespaces: ['WORLD'] },
            { principals: [identities.b], namespaces: ['WORLD'] },
          ],
          ['/one', '/two'],
          ['header', 'header-prefix-*'],
        ),
        product('second', [{ principals: [identities.b], namespaces: ['other'] }], ['/three'], ['*']),
      ],
    }),
  ],
  rows: [
    withHeader('header', '/one', { a: 200, b: 403, outside: 403 }),
    withHeader('header-prefix-x', '/two', { a: 200, b: 403, outside: 403 }),
    withHeader('other', '/two', { a: 403, b: 403, outside: 403 }),
    withHeader('header', '/three', { a: 403, b: 200, outside: 403 }),
    { path: '/three', answers: all(403) },
  ],
};

const custom: NotOurs = {
  at: [
    'custom-grpc-provider-no-namespace',
    'custom-grpc-provider',
    'custom-http-provider',
    'custom-bad-multiple-providers',
    'custom-bad-invalid-config',
  ],
  because: 'CUSTOM asks a server of the mesh (ext_authz): `authenticate.external` is not part of the API yet',
};
const others: readonly NotOurs[] = [
  custom,
  {
    at: ['audit-full-rule'],
    because:
      'AUDIT is for plugins of the proxy and decides nothing; a policy in mode Shadow is what counts and refuses nothing',
  },
  {
    at: ['trust-domain-one-alias', 'trust-domain-multiple-aliases', 'trust-domain-aliases-in-source-principal'],
    because:
      'which identities an alias stands for is decided by istiod from MeshConfig, in the objects of ours as in anybody’s: every identity that we write has its trust domain',
  },
];

export const builderTables: readonly Table[] = [
  { of, policies: [everything], rows: [path('allow-empty-rule', 200, '/any')] },
  { of, policies: [servicePolicy({ allow: [] })], rows: [path('allow-nil-rule', 403, '/any')] },
  {
    of,
    policies: [
      servicePolicy({
        allow: [
          {
            name: 'paths',
            to: [
              {
                paths: ['/exact', '/prefix/*', '*/suffix', '/path/template/{*}', '/{**}/path/template'],
                notPaths: ['/prefix/not', '/prefix/not/*', '*/not/suffix', '/path/template/not', '/not/{**}'],
              },
            ],
          },
        ],
      }),
    ],
    rows: [
      ...['/exact', '/prefix/a', '/a/suffix', '/path/template/a', '/a/b/path/template'].map((target) =>
        path('allow-path', 200, target),
      ),
      ...['/prefix', '/exact/', '/prefix/not', '/prefix/not/a', '/a/not/suffix'].map((target) =>
        path('allow-path', 403, target),
      ),
      ...['/path/template/not', '/path/template/a/b', '/not/path/template', '/other'].map((target) =>
        path('allow-path', 403, target),
      ),
    ],
  },
  {
    of,
    policies: [
      servicePolicy({
        allow: [{ name: 'allow', from: [{ principals: [identities.a, identities.b] }] }],
        deny: [{ name: 'deny', from: [{ principals: [identities.b] }] }],
      }),
    ],
    rows: [{ at: 'deny-and-allow', answers: { a: 200, b: 403, outside: 403 } }],
  },
  {
    of,
    policies: [servicePolicy({ allow: [anyone], deny: [{ name: 'everybody' }] })],
    rows: [path('deny-empty-rule', 403, '/any')],
  },
  ...shadows,
  full,
  several,
  single,
  {
    of,
    policies: [
      servicePolicy({ allow: [{ name: 'suffix', from: [{ principals: ['*/ns/WORLD/sa/a', '*bar/ns/other/sa/a'] }] }] }),
    ],
    rows: [{ at: 'trust-domain-wildcard-in-principal', answers: { a: 200, b: 403, outside: 403 } }],
  },
  {
    of,
    policies: [
      servicePolicy({
        allow: [
          {
            name: 'known',
            from: [{ principals: ['cluster.local/*', 'another.local/*'] }],
            to: [{ paths: ['/known'] }],
          },
          { name: 'not-bad', from: [{ notPrincipals: ['bad*', 'untrusted/*'] }], to: [{ paths: ['/not-bad'] }] },
          { name: 'not-known', from: [{ notPrincipals: ['cluster*'] }], to: [{ paths: ['/not-known'] }] },
        ],
      }),
    ],
    rows: [
      { at: 'trust-domains-field', path: '/known', answers: { a: 200, b: 200, outside: 403 } },
      { at: 'trust-domains-field', path: '/not-bad', answers: all(200) },
      { at: 'trust-domains-field', path: '/not-known', answers: { a: 403, b: 403, outside: 200 } },
    ],
    notOurs: others,
  },
];

export const networkRules: NotOurs & { readonly of: string } = {
  of: 'TestGenerator_GenerateTCP',
  at: [
    'allow-both-http-tcp',
    'allow-only-http',
    'audit-both-http-tcp',
    'custom-both-http-tcp',
    'custom-only-http',
    'deny-both-http-tcp',
    'dry-run-mix',
  ],
  because: 'filters of TCP ports: Routes and AuthPolicies are of HTTP alone, and other ports stay as they are',
};
