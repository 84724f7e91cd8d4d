import { describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../../kube/object.ts';
import { emptySnapshot, type FetchedKeys } from '../../kube/snapshot.ts';
import { authPolicy, corpJwks, gateway, jwt, route, service, snapshotOf } from '../../testing/build.ts';
import { compiler } from '../../testing/compile.ts';

const uri = 'https://login.example.com/jwks';

function resolved(from: object, fetched?: Pick<FetchedKeys, 'jwks' | 'problem'>) {
  const objects: readonly KubeObject[] = [
    gateway(),
    service(),
    route(),
    authPolicy({ authenticate: { jwt: [jwt({ jwks: from })] }, authorize: undefined }),
  ];
  const entry: FetchedKeys = {
    apiVersion: 'internal.evengate.dev/v1',
    kind: 'FetchedKeys',
    metadata: { name: uri },
    ...fetched,
  };
  const FetchedKeys = fetched === undefined ? emptySnapshot.FetchedKeys : new Map([[uri, entry]]);
  const { resolution } = compiler()({ ...snapshotOf(objects), FetchedKeys });
  return {
    keys: resolution.authPolicies.get('shop/orders')?.policy.issuers.map((issuer) => issuer.keys),
    findings: resolution.findings
      .filter(({ reason }) => reason === 'InvalidJwks')
      .map(({ at, message }) => `${at}: ${message}`),
  };
}

const symmetric = '{"keys":[{"kty":"oct","k":"c2VjcmV0c2VjcmV0c2VjcmV0"}]}';
const place = 'spec.authenticate.jwt[0].jwks.uri';

describe('keys of a URI', () => {
  test('are left to Envoy where nobody else fetched them', () => {
    expect(resolved({ uri })).toEqual({ keys: [{ kind: 'remote', uri }], findings: [] });
  });

  test('are those that were fetched, as if they were written here', () => {
    expect(resolved({ uri }, { jwks: corpJwks })).toEqual(resolved({ inline: corpJwks }));
  });

  test('that are old are better than none', () => {
    expect(resolved({ uri }, { jwks: corpJwks, problem: 'it answered 503' }).findings).toEqual([]);
  });

  test.each([
    [{}, `the JWKS of ${uri} is not there: it has not been fetched yet`],
    [{ problem: 'it answered 503' }, `the JWKS of ${uri} is not there: it answered 503`],
    [{ jwks: '<html>' }, `the JWKS of ${uri} cannot be used: it is not JSON of the form {"keys": [...]}`],
    [
      { jwks: symmetric },
      `the JWKS of ${uri} cannot be used: keys[0] is symmetric: whoever can read it can sign tokens`,
    ],
  ])('that are not there or no good block: %j', (fetched, message) => {
    expect(resolved({ uri }, fetched)).toEqual({ keys: [], findings: [`${place}: ${message}`] });
  });

  test.each([
    ['http://127.0.0.1/keys', '127.0.0.1 is a loopback address'],
    ['https://[fe80::1]/keys', '[fe80::1] is a link-local address'],
    ['http://169.254.169.254/latest', "169.254.169.254 is the cloud's metadata service"],
  ])('are not fetched from %s', (bad, problem) => {
    expect(resolved({ uri: bad }, { jwks: corpJwks }).findings).toEqual([
      `${place}: the JWKS cannot be fetched from there: ${problem}`,
    ]);
  });
});
