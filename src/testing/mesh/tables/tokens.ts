/** Tokens with the claims of Istio's fourteen (tests/common/jwt), signed anew for every run. */
import { signingKey } from '../../rig-tokens.ts';

const [one, two] = ['test-issuer-1@istio.io', 'test-issuer-2@istio.io'];
const past = 1_562_182_856;

const claims = {
  Issuer1: { iss: one, sub: 'sub-1', groups: ['group-1'] },
  Issuer1WithAud: { iss: one, sub: 'sub-1', aud: 'foo' },
  Issuer1WithAudList: { iss: one, sub: 'sub-1', aud: ['foo', 'buzz'] },
  Issuer1WithAzp: { iss: one, sub: 'sub-1', azp: 'bar' },
  Issuer1WithNestedClaims1: {
    iss: one,
    sub: 'sub-1',
    nested: { key1: ['valueA', 'valueB'], 'nested-2': { key1: ['valueA', 'valueB'] } },
  },
  Issuer1WithNestedClaims2: { iss: one, sub: 'sub-1', nested: { key2: 'valueC', 'nested-2': { key2: 'valueC' } } },
  Issuer1WithCollisionResistantName: {
    iss: one,
    sub: 'sub-1',
    'test-issuer-1@istio.io/nested': { key1: 'valueC', 'nested-2': { key1: 'valueC' } },
    'test-issuer-1@istio.io/simple': 'valueC',
  },
  Issuer2: { iss: two, sub: 'sub-2', groups: ['group-2'] },
  Issuer2WithSpaceDelimitedPermission: { iss: two, sub: 'sub-2', permission: 'read write' },
  Issuer2WithSpaceDelimitedScope: { iss: two, sub: 'sub-2', scope: 'write read' },
  Issuer2WithCustomScopeSpaceDelimitedScope: { iss: two, sub: 'sub-2', custom_scope: 'admin user' },
  Issuer3: { iss: 'test-issuer-3@istio.io', sub: 'sub-1', groups: ['group-1'] },
  Expired: { iss: one, sub: 'sub-1', groups: ['group-1'], exp: past },
};

export type IstioToken = keyof typeof claims | 'Invalid';

export interface IstioTokens {
  readonly jwks: string;
  readonly text: Readonly<Record<IstioToken, string>>;
}

export async function istioTokens(): Promise<IstioTokens> {
  const key = await signingKey('istio', 'RS256');
  const signed = Object.entries(claims).map(async ([name, own]) => [name, (await key.sign(own)).text] as const);
  const text = Object.fromEntries([...(await Promise.all(signed)), ['Invalid', 'TokenInvalid']]);
  return { jwks: key.jwks, text: text as IstioTokens['text'] };
}
