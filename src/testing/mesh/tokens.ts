/** Tokens of two issuers, good and bad, made anew for every run. */
import { signingKey } from '../rig-tokens.ts';

export interface Tokens {
  /** JWKS texts of `https://a.example` and `https://b.example`. */
  readonly jwks: { readonly a: string; readonly b: string };
  readonly text: Readonly<Record<TokenName, string>>;
  /** Of those that verify. */
  readonly claims: Readonly<Partial<Record<TokenName, Readonly<Record<string, unknown>>>>>;
}

const names = ['alice', 'bob', 'carol', 'audienceless', 'expired', 'stranger', 'forged', 'malformed'] as const;
export type TokenName = (typeof names)[number];

export async function testTokens(): Promise<Tokens> {
  const [a, b, other] = await Promise.all([signingKey('a'), signingKey('b', 'EdDSA'), signingKey('a')]);
  const [ofA, ofB] = [{ iss: 'https://a.example' }, { iss: 'https://b.example' }];
  const alice = await a.sign({
    ...ofA,
    sub: 'alice',
    aud: ['orders', 'cart'],
    roles: ['reader', 'writer'],
    tier: 'gold',
    realm: { team: 'red' },
  });
  const bob = await a.sign({ ...ofA, sub: 'bob', aud: 'other', roles: 'writer', scope: 'orders.read orders.write' });
  const carol = await b.sign({ ...ofB, sub: 'carol', aud: 'orders', roles: ['reader'], tier: 'silver', scope: 'x' });
  const audienceless = await a.sign({ ...ofA, sub: 'alice', tier: ['gold'] });
  const expired = await a.sign({ ...ofA, sub: 'alice', aud: 'orders', exp: 1_000_000_000 });
  const stranger = await other.sign({ iss: 'https://c.example', sub: 'alice', aud: 'orders' });
  const forged = await other.sign({ ...ofA, sub: 'alice', aud: 'orders' });
  const good = { alice, bob, carol, audienceless };
  const bad = { expired: expired.text, stranger: stranger.text, forged: forged.text, malformed: 'not.a.token' };
  const texts = Object.entries(good).map(([name, token]) => [name, token.text] as const);
  const claims = Object.entries(good).map(([name, token]) => [name, token.claims] as const);
  return {
    jwks: { a: a.jwks, b: b.jwks },
    text: { ...bad, ...Object.fromEntries(texts) } as Tokens['text'],
    claims: Object.fromEntries(claims),
  };
}
