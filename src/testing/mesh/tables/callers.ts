/** Istio's tables about who calls inside the mesh (tests/integration/security/authz_test.go). */
import {
  all,
  anyone,
  grpc,
  grpcPath,
  identities,
  paths,
  type Row,
  servicePolicy,
  type Table,
  tcpHalf,
} from './table.ts';

const onlyA = { a: 200, b: 403, outside: 403 } as const;
/** Whoever comes through an edge has no identity inside the mesh, so nobody excludes it by one. */
const notB = { a: 200, b: 403, outside: 200 } as const;

const plain = { paths: ['/allow'], methods: ['GET'] };
const call = { paths: [grpcPath], methods: ['POST'] };

const allowRows: readonly Row[] = [
  grpc(0, onlyA),
  ...paths({ 1: '/allow', 2: '/allow?param=value' }, onlyA),
  ...paths({ 3: '/deny', 4: '/deny?param=value' }, all(403)),
];

function allowing(of: string, source: object): Table {
  const rule = { name: 'allowed', from: [source], to: [plain, call] };
  return { of, policies: [servicePolicy({ allow: [rule] })], rows: allowRows, notOurs: [tcpHalf] };
}

const denyRows: readonly Row[] = [
  grpc(0, notB),
  ...paths({ 1: '/deny', 2: '/deny?param=value' }, notB),
  ...paths({ 3: '/deny/allow', 4: '/deny/allow?param=value', 5: '/allow', 6: '/allow?param=value' }, all(200)),
  ...paths({ 7: '/global-deny', 8: '/global-deny?param=value' }, all(403)),
  ...paths({ 9: '/global-deny/allow', 10: '/global-deny/allow?param=value' }, all(200)),
];

/** Istio's second policy is of the whole mesh; a policy of ours is of what it targets. */
function denying(of: string, source: object): Table {
  const denied = { paths: ['/deny*'], notPaths: ['/deny/allow'], methods: ['GET'] };
  const everywhere = { paths: ['/global-deny*'], notPaths: ['/global-deny/allow'] };
  return {
    of,
    policies: [
      servicePolicy({ allow: [anyone], deny: [{ name: 'denied', from: [source], to: [denied, call] }] }),
      servicePolicy({ deny: [{ name: 'everywhere', to: [everywhere] }] }, {}, 'everywhere'),
    ],
    rows: denyRows,
    notOurs: [tcpHalf],
  };
}

function trustDomain(name: string, source: object, path: string): object {
  return { name, from: [source], to: [{ paths: [path], methods: ['GET'] }] };
}

export const callerTables: readonly Table[] = [
  allowing('TestAuthz_Principal', { principals: [identities.a] }),
  allowing('TestAuthz_ServiceAccount', { serviceAccounts: ['WORLD/a'] }),
  allowing('TestAuthz_Namespace', { namespaces: ['WORLD'] }),
  denying('TestAuthz_DenyPrincipal', { principals: [identities.b] }),
  denying('TestAuthz_DenyNamespace', { namespaces: ['other'] }),
  {
    of: 'TestAuthz_TrustDomain',
    policies: [
      servicePolicy({
        allow: [
          trustDomain('same', { principals: ['cluster.local/*'] }, '/allow'),
          trustDomain('wrong', { principals: ['bad.example.com/*'] }, '/deny'),
          trustDomain('not-same', { notPrincipals: ['cluster.local/*'] }, '/not-trust-domain'),
          trustDomain('not-wrong', { notPrincipals: ['bad.example.com/*'] }, '/not-deny'),
          { name: 'call', from: [{ principals: ['cluster.local/*'] }], to: [call] },
        ],
      }),
    ],
    rows: [
      grpc(0, { a: 200, b: 200, outside: 403 }),
      { at: 1, path: '/allow', answers: { a: 200, b: 200, outside: 403 } },
      { at: 2, path: '/deny', answers: all(403) },
      { at: 3, path: '/not-trust-domain', answers: { a: 403, b: 403, outside: 200 } },
      { at: 4, path: '/not-deny', answers: all(200) },
    ],
    notOurs: [tcpHalf],
  },
  {
    of: 'TestAuthz_NotNamespace',
    policies: [servicePolicy({ allow: [anyone], deny: [{ name: 'others', from: [{ notNamespaces: ['WORLD'] }] }] })],
    rows: [grpc(0, onlyA), { at: 0, answers: onlyA }],
    notOurs: [tcpHalf],
  },
  {
    of: 'TestAuthz_DenyPlaintext',
    mesh: { mtls: 'Permissive' },
    policies: [servicePolicy({ allow: [anyone], deny: [{ name: 'nobody', from: [{ notPrincipals: ['*'] }] }] })],
    rows: [
      grpc(0, { a: 200, b: 200, plaintext: 403, outside: 403 }),
      { at: 0, answers: { a: 200, b: 200, plaintext: 403, outside: 403 } },
    ],
    notOurs: [tcpHalf],
  },
];
