/** Istio's tables about tokens themselves (tests/integration/security/jwt_test.go, testdata/requestauthn). */
import type { KubeObject } from '../../../kube/object.ts';
import { watchedKinds } from '../../../kube/snapshot.ts';
import type { HeaderPair } from '../../rig-request.ts';
import { all, anyone, backend, issuer, policy, type Row, servicePolicy, type Table, type Verdict } from './table.ts';
import type { IstioToken } from './tokens.ts';

function row(at: string, path: string, verdict: Verdict, token?: IstioToken): Row {
  return { at, path, answers: all(verdict), ...(token === undefined ? {} : { token }) };
}

function onRule(name: string, spec: object): KubeObject {
  return policy(name, { targetRefs: [{ kind: 'Route', name: 'orders', sectionName: name }], ...spec });
}

const preflight: readonly HeaderPair[] = [
  ['access-control-request-method', 'POST'],
  ['origin', 'https://istio.io'],
];
const subject = { requestPrincipals: ['test-issuer-1@istio.io/sub-1'] };
const insideOpen = servicePolicy({ allow: [anyone] });

/** RequestAuthentication without AuthorizationPolicy: a token is looked at, and not asked for. Another rule names the issuers. */
const authnOnly: Table = {
  of: 'TestRequestAuthentication',
  rules: [
    { name: 'guarded', matches: [{ path: { value: '/guarded' } }], backendRefs: [backend('orders')] },
    { name: 'public', backendRefs: [backend('orders')] },
  ],
  policies: [
    onRule('guarded', { authenticate: { jwt: [issuer(1), issuer(2)] } }),
    onRule('public', { authorize: { allow: [anyone] } }),
    insideOpen,
  ],
  rows: [
    row('authn-only/valid-token-noauthz', '/valid-token-noauthz', 200, 'Issuer1'),
    row('authn-only/valid-token-2-noauthz', '/valid-token-2-noauthz', 200, 'Issuer2'),
    row('authn-only/expired-token-noauthz', '/expired-token-noauthz', 401, 'Expired'),
    row('authn-only/no-token-noauthz', '/no-token-noauthz', 200),
    row('authn-only/valid-nested-claim-token', '/valid-token-noauthz', 200, 'Issuer1WithNestedClaims2'),
    {
      at: 'authn-only/expired-token-cors-preflight-request-allowed',
      path: '/expired-token-cors-preflight-request-allowed',
      method: 'OPTIONS',
      headers: preflight,
      token: 'Expired',
      answers: { a: 200, b: 200 },
    },
    {
      path: '/expired-token-cors-preflight-request-allowed',
      method: 'OPTIONS',
      headers: preflight,
      token: 'Expired',
      answers: { outside: 401 },
      atEdge: 'a preflight',
    },
    {
      at: 'authn-only/expired-token-bad-cors-preflight-request-rejected',
      path: '/expired-token-cors-preflight-request-allowed',
      method: 'OPTIONS',
      headers: preflight.slice(0, 1),
      token: 'Expired',
      answers: all(401),
    },
  ],
  notOurs: [
    {
      at: ['authn-only/expired-token-cors-preflight-request-allowed'],
      because:
        'from outside: the edge looks at the token of a preflight as at any other; browsers send none, and what does is refused',
    },
  ],
};

const authnAuthz: Table = {
  of: 'TestRequestAuthentication',
  policies: [
    servicePolicy(
      { allow: [{ name: 'subject', from: [subject], to: [{ methods: ['GET'] }] }] },
      { authenticate: { jwt: [issuer(1)] } },
    ),
  ],
  rows: [
    row('authn-authz/valid-token', '/valid-token', 200, 'Issuer1'),
    row('authn-authz/expired-token', '/expired-token', 401, 'Expired'),
    row('authn-authz/no-token', '/no-token', 403),
    row('forward/valid-token-forward', '/valid-token-forward', 200, 'Issuer1'),
    row('headers-params/invalid-params', '/valid-token?token_value=TOKEN', 403),
    { at: 'headers-params/invalid-header', headers: [['auth-header-param', 'Bearer TOKEN']], answers: all(403) },
  ],
  notOurs: [
    {
      at: [
        'headers-params/valid-params',
        'headers-params/valid-params-secondary',
        'headers-params/valid-token-set',
        'headers-params/invalid-token-set',
      ],
      because: 'fromParams: a token in a URL ends up in logs, so only the Authorization header is read, on both sides',
    },
    {
      at: ['headers-params/valid-header', 'headers-params/valid-header-secondary'],
      because: 'fromHeaders: tokens are read from `Authorization: Bearer` alone, on both sides',
    },
    {
      at: [
        'timeout/valid-token-forward-remote-jwks',
        'invalid-jwks/invalid-jwks-valid-token-noauthz',
        'invalid-jwks/invalid-jwks-expired-token-noauthz',
        'invalid-jwks/invalid-jwks-no-token-noauthz',
      ],
      because:
        'keys that cannot be fetched: the routes are blocked on both sides (InvalidJwks), which is played below; Istio refuses every token with 401, and lets requests without one pass',
    },
  ],
};

/** The operator fetches keys, for both sides. */
function remote(fetched: { readonly jwks: string } | { readonly problem: string }, rows: readonly Row[]): Table {
  const uri = `https://keys.example.com/${Object.keys(fetched).join()}.json`;
  const keys = { apiVersion: watchedKinds.FetchedKeys, kind: 'FetchedKeys', metadata: { name: uri }, ...fetched };
  const own = servicePolicy({ allow: [anyone] }, { authenticate: { jwt: [issuer(1, { jwks: { uri } })] } });
  return { of: 'TestRequestAuthentication', policies: [keys, own], rows };
}

const blocked = { a: 403, outside: 500 } as const;
const remotes: readonly Table[] = [
  remote({ jwks: 'JWKS-A' }, [
    row('remote/valid-token-forward-remote-jwks', '/valid-token-forward-remote-jwks', 200, 'Issuer1'),
    { token: 'Expired', answers: all(401) },
    { answers: all(403) },
  ]),
  remote({ problem: 'no answer within 5 s' }, [
    { token: 'Issuer1', answers: blocked },
    { token: 'Expired', answers: blocked },
    { answers: blocked },
  ]),
];

const noAuthn: Table = {
  of: 'TestRequestAuthentication',
  policies: [insideOpen],
  rows: [row('no-authn-authz/no-authn-authz', '/no-authn-authz', 200)],
};

/** Istio has two objects about issuer 2, one with an audience and one without: together, any audience. */
const audiences: Table = {
  of: 'TestRequestAuthentication',
  policies: [
    servicePolicy({ allow: [anyone] }, { authenticate: { jwt: [issuer(1, { audiences: ['foo'] }), issuer(2)] } }),
  ],
  rows: [
    row('aud/invalid-aud', '/valid-aud', 403, 'Issuer1'),
    row('aud/valid-aud', '/valid-aud', 200, 'Issuer1WithAud'),
    row('aud/verify-policies-are-combined', '/verify-policies-are-combined', 200, 'Issuer2'),
  ],
};

function ingress(of: string, prefix: string, issuers: readonly (1 | 2 | 3)[]): Table {
  const subjects = issuers.filter((number) => number !== 2).map((number) => `test-issuer-${number}@istio.io/sub-1`);
  return {
    of,
    rules: [
      { name: 'health', matches: [{ path: { type: 'Exact', value: '/healthz' } }], backendRefs: [backend('orders')] },
      { name: 'rest', backendRefs: [backend('orders')] },
    ],
    policies: [
      onRule('health', { authorize: { allow: [anyone] } }),
      onRule('rest', {
        authenticate: { jwt: issuers.map((number) => issuer(number)) },
        authorize: {
          allow: [
            { name: 'example', from: [{ requestPrincipals: subjects }], to: [{ hosts: ['example.orders.com'] }] },
            {
              name: 'any',
              from: [{ requestPrincipals: ['*'] }],
              to: [{ hosts: ['any-request-principal-ok.orders.com'] }],
            },
          ],
        },
      }),
      insideOpen,
    ],
    rows: ingressRows(prefix),
  };
}

function ingressRows(prefix: string): readonly Row[] {
  const from = (name: string, host: string, verdict: Verdict, token?: IstioToken): Row => ({
    at: `${prefix}/${name}`,
    host: `${host}.orders.com`,
    path: name === 'allow healthz' ? '/healthz' : '/',
    answers: { outside: verdict },
    ...(token === undefined ? {} : { token }),
  });
  const any = 'any-request-principal-ok';
  return [
    from('allow healthz', 'example', 200),
    from('deny without token', 'example', 403),
    from('allow with sub-1 token', 'example', 200, 'Issuer1'),
    from('deny with sub-2 token', 'example', 403, 'Issuer2'),
    from('deny with expired token', 'example', 401, 'Expired'),
    from('allow with sub-1 token on any.com', any, 200, 'Issuer1'),
    from('allow with sub-2 token on any.com', any, 200, 'Issuer2'),
    from('deny without token on any.com', any, 403),
    from('deny with token on other host', 'other-host', 403, 'Issuer1'),
  ];
}

const viaIngress = ingress('TestIngressRequestAuthentication', 'ingress-authn', [1, 2]);
const viaGatewayApi = ingress('TestGatewayAPIRequestAuthentication', 'gateway-authn', [1, 2, 3]);

export const authenticationTables: readonly Table[] = [
  authnOnly,
  authnAuthz,
  ...remotes,
  noAuthn,
  audiences,
  {
    ...viaIngress,
    rows: [
      ...viaIngress.rows,
      { at: 'in-mesh-authn/in-mesh-with-expired-token', token: 'Expired', answers: { a: 401, b: 401 } },
      { at: 'in-mesh-authn/in-mesh-without-token', answers: { a: 200, b: 200 } },
    ],
  },
  {
    ...viaGatewayApi,
    rows: [
      ...viaGatewayApi.rows,
      {
        at: 'gateway-authn/allow with sub-1 token despite "ignored" RequestAuthentication (enableGatewayAPISelectorPolicies flag = true)',
        host: 'example.orders.com',
        token: 'Issuer3',
        answers: { outside: 200 },
      },
    ],
  },
];
