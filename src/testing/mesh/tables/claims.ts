/** Istio's table of rules about tokens (tests/integration/security/authz_test.go, testdata/authz/jwt.yaml.tmpl). */
import { all, issuer, type Row, servicePolicy, type Table, type Verdict } from './table.ts';
import type { IstioToken } from './tokens.ts';

/** Claim, a value that is enough, and the path that is guarded by it. */
const guarded: readonly (readonly [path: string, claim: string, values: readonly string[]])[] = [
  ['/token2', 'groups', ['group-2']],
  ['/scope', 'scope', ['append', 'write']],
  ['/otherscope', 'scope', ['admin']],
  ['/permission', 'permission', ['write', 'append']],
  ['/custom-scope-admin', 'custom_scope', ['admin']],
  ['/custom-scope-user', 'custom_scope', ['user']],
  ['/nested-key1', '/nested/key1', ['valueB']],
  ['/nested-non-exist', '/nested/non-exist', ['valueC']],
  ['/nested-key2', '/nested/key2', ['valueC']],
  ['/nested-2-key1', '/nested/nested-2/key1', ['valueA']],
  ['*/presenter', 'azp', ['bar']],
  ['*/audiences', 'aud', ['foo']],
  // Istio has this one in a table of routes: no character of a claim's name means more than itself.
  ['/collision', 'test-issuer-1@istio.io/simple', ['valueC']],
];

const rules = [
  {
    name: 'token1',
    from: [{ requestPrincipals: ['test-issuer-1@istio.io/sub-1'] }],
    to: [{ paths: ['/token1'], methods: ['GET'] }],
  },
  { name: 'any', from: [{ requestPrincipals: ['*'] }], to: [{ paths: ['/tokenAny', '/valid-jwt'], methods: ['GET'] }] },
  {
    name: 'not-token1',
    from: [{ notRequestPrincipals: ['test-issuer-1@istio.io/sub-1'] }],
    to: [{ paths: ['/token3'], methods: ['GET'] }],
  },
  ...guarded.map(([path, claim, values], index) => ({
    name: `claim-${index}`,
    to: [{ paths: [path], methods: ['GET'] }],
    when: [{ claim, values }],
  })),
];

function row(at: number | undefined, path: string, verdict: Verdict, token?: IstioToken): Row {
  const about = { path, answers: all(verdict), ...(token === undefined ? {} : { token }) };
  return at === undefined ? about : { at, ...about };
}

export const claimTables: readonly Table[] = [
  {
    of: 'TestAuthz_JWT',
    policies: [servicePolicy({ allow: rules }, { authenticate: { jwt: [issuer(1), issuer(2)] } })],
    rows: [
      row(0, '/token1', 403),
      row(1, '/token2', 403),
      row(2, '/token1', 200, 'Issuer1'),
      row(3, '/token2', 403, 'Issuer1'),
      row(4, '/token1', 403, 'Issuer2'),
      row(5, '/token2', 200, 'Issuer2'),
      row(6, '/token3', 403, 'Issuer1'),
      row(7, '/token3', 200, 'Issuer2'),
      row(8, '/tokenAny', 200, 'Issuer1'),
      row(9, '/tokenAny', 200, 'Issuer2'),
      row(10, '/permission', 403, 'Issuer1'),
      row(11, '/permission', 403, 'Issuer2'),
      row(12, '/permission', 200, 'Issuer2WithSpaceDelimitedPermission'),
      row(13, '/scope', 200, 'Issuer2WithSpaceDelimitedScope'),
      row(14, '/otherscope', 403, 'Issuer2WithSpaceDelimitedScope'),
      row(17, '/custom-scope-admin', 403),
      row(18, '/custom-scope-user', 403),
      row(19, '/custom-scope-admin', 403, 'Issuer1'),
      row(20, '/custom-scope-user', 403, 'Issuer1'),
      row(21, '/nested-key1', 200, 'Issuer1WithNestedClaims1'),
      row(22, '/nested-key1', 403, 'Issuer1WithNestedClaims2'),
      row(23, '/nested-key2', 403, 'Issuer1WithNestedClaims1'),
      row(24, '/nested-key2', 200, 'Issuer1WithNestedClaims2'),
      row(25, '/nested-2-key1', 200, 'Issuer1WithNestedClaims1'),
      row(26, '/nested-2-key1', 403, 'Issuer1WithNestedClaims2'),
      row(27, '/nested-non-exist', 403, 'Issuer1WithNestedClaims1'),
      row(28, '/nested-non-exist', 403, 'Issuer1WithNestedClaims2'),
      row(29, '/tokenAny', 403),
      row(30, '/audiences', 200, 'Issuer1WithAud'),
      row(31, '/audiences', 200, 'Issuer1WithAudList'),
      // Istio's policy has rules for these, its table no rows.
      row(undefined, '/valid-jwt', 200, 'Issuer2'),
      row(undefined, '/a/presenter', 200, 'Issuer1WithAzp'),
      row(undefined, '/a/presenter', 403, 'Issuer1'),
      row(undefined, '/a/audiences', 403, 'Issuer1'),
      row(undefined, '/collision', 200, 'Issuer1WithCollisionResistantName'),
      row(undefined, '/collision', 403, 'Issuer1WithNestedClaims2'),
      row(undefined, '/tokenAny', 401, 'Issuer3'),
      row(undefined, '/tokenAny', 401, 'Invalid'),
      row(undefined, '/tokenAny', 401, 'Expired'),
      // As one text, for the lack of spaceDelimitedClaims.
      row(undefined, '/custom-scope-admin', 403, 'Issuer2WithCustomScopeSpaceDelimitedScope'),
    ],
    notOurs: [
      {
        at: [15, 16],
        because:
          'spaceDelimitedClaims of one issuer: with us, as in Istio without it, `scope` and `permission` are the claims that are read word by word',
      },
    ],
  },
];
