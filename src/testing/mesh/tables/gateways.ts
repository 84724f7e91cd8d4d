/** Istio's tables of its own gateways (tests/integration/security/authz_test.go): the edge stands in for the one, a workload for the other. */
import { all, anyone, identities, issuer, policy, type Row, servicePolicy, type Table, type Verdict } from './table.ts';

function ingress(at: number, name: string, verdict: Verdict, more: Partial<Row> = {}): Row {
  return { at, host: `${name}.orders.com`, answers: { outside: verdict }, ...more };
}

/** Istio's gateway trusts one proxy in front of it; only the edge knows the client behind it. */
function from(ip: string): Partial<Row> {
  return { headers: [['x-forwarded-for', ip]] };
}

const atEdge = { atEdge: 'PartlyAtEdge' } as const;

function refusedFrom(ip: string): Partial<Row> {
  return { ...from(ip), ...atEdge };
}

const www = '172.16.0.1';

export const gatewayTables: readonly Table[] = [
  {
    of: 'TestAuthz_IngressGateway',
    gateway: { clientIP: { trustedHops: 1 } },
    policies: [
      policy('orders', { targetRefs: [{ kind: 'Route', name: 'orders' }], authorize: { allow: [anyone] } }),
      policy('edge', {
        targetRefs: [{ kind: 'ApiGateway', name: 'edge-0' }],
        authorize: {
          deny: [
            { name: 'hosts', to: [{ hosts: ['deny.orders.com', 'prefix.orders.*'] }] },
            // With any port, which Istio has no pattern for.
            { name: 'suffix', to: [{ hosts: ['*.suffix.orders.com'] }] },
            { name: 'inside', to: [{ hosts: ['internal.orders.com'] }, { paths: ['/private'] }] },
            {
              name: 'blocked',
              from: [{ remoteIpBlocks: ['172.17.72.46', '192.168.4.0/23'] }],
              to: [{ hosts: ['remoteipblocks.orders.com'] }],
            },
            {
              name: 'unknown',
              from: [{ notRemoteIpBlocks: ['172.23.240.0/22'] }],
              to: [{ hosts: ['notremoteipblocks.orders.com'] }],
            },
            {
              name: 'attribute',
              from: [{ remoteIpBlocks: ['10.242.5.7', '10.124.99.0/24'] }],
              to: [{ hosts: ['remoteipattr.orders.com'] }],
            },
          ],
        },
      }),
    ],
    rows: [
      ingress(0, 'deny', 403),
      { at: 1, host: 'DENY.orders.COM', answers: { outside: 403 } },
      { at: 2, host: 'Deny.orders.Com', answers: { outside: 403 } },
      ingress(3, 'deny.suffix', 403, atEdge),
      { at: 4, host: 'DENY.SUFFIX.orders.COM', answers: { outside: 403 }, ...atEdge },
      { at: 5, host: 'Deny.Suffix.orders.Com', answers: { outside: 403 }, ...atEdge },
      ingress(6, 'prefix', 403),
      { at: 7, host: 'PREFIX.orders.COM', answers: { outside: 403 } },
      { at: 8, host: 'Prefix.orders.Com', answers: { outside: 403 } },
      ingress(9, 'www', 200, from(www)),
      ingress(10, 'www', 403, { path: '/private', ...from(www) }),
      ingress(11, 'www', 200, { path: '/public', ...from(www) }),
      ingress(12, 'internal', 403, from(www)),
      ingress(13, 'internal', 403, { path: '/private', ...from(www) }),
      ingress(14, 'remoteipblocks', 403, refusedFrom('172.17.72.46')),
      ingress(15, 'remoteipblocks', 403, refusedFrom('192.168.5.233')),
      ingress(16, 'remoteipblocks', 200, from('10.4.5.6')),
      ingress(17, 'notremoteipblocks', 403, refusedFrom('10.2.3.4')),
      ingress(18, 'notremoteipblocks', 200, from('172.23.242.188')),
      ingress(19, 'remoteipattr', 403, refusedFrom('10.242.5.7')),
      ingress(20, 'remoteipattr', 403, refusedFrom('10.124.99.10')),
      ingress(21, 'remoteipattr', 200, from('10.4.5.6')),
      // The outermost trusted proxy has the last word: what a client writes itself is not believed.
      { host: 'remoteipblocks.orders.com', ...from('172.17.72.46, 10.4.5.6'), answers: { outside: 200 } },
    ],
  },
  {
    of: 'TestAuthz_EgressGateway',
    policies: [
      servicePolicy(
        {
          allow: [
            // Whom a rule names by an identity needs no token; whoever comes from outside does.
            { name: 'company', from: [{ principals: ['*'] }], to: [{ hosts: ['www.company.com'], paths: ['/allow'] }] },
            { name: 'a-only', from: [{ principals: [identities.a] }], to: [{ hosts: ['a-ns1-only.com'] }] },
            {
              name: 'jwt-only',
              from: [{ requestPrincipals: ['test-issuer-1@istio.io/sub-1'] }],
              to: [{ hosts: ['jwt-only.com'] }],
            },
            {
              name: 'both',
              from: [{ principals: [identities.a], requestPrincipals: ['test-issuer-1@istio.io/sub-1'] }],
              to: [{ hosts: ['jwt-and-a-ns1-only.com'] }],
            },
          ],
        },
        { authenticate: { jwt: [issuer(1), issuer(2)] } },
      ),
    ],
    rows: [
      { at: 0, host: 'www.company.com', path: '/allow', answers: { a: 200, b: 200, outside: 403 } },
      { at: 1, host: 'www.company.com', path: '/deny', answers: all(403) },
      { at: 2, host: 'a-ns1-only.com', answers: { a: 200, b: 403, outside: 403 } },
      { at: 3, host: 'jwt-only.com', token: 'Issuer1', answers: all(200) },
      { at: 4, host: 'jwt-only.com', token: 'Issuer2', answers: all(403) },
      { at: 5, host: 'jwt-and-a-ns1-only.com', token: 'Issuer1', answers: { a: 200, b: 403, outside: 403 } },
      { at: 6, host: 'jwt-and-a-ns1-only.com', token: 'Issuer2', answers: all(403) },
    ],
  },
];
