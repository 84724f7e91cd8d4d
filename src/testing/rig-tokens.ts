/** Signing keys and tokens, made anew for every run. */
import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose';

export interface SigningKey {
  readonly kid: string;
  /** JWKS text with the public key alone. */
  readonly jwks: string;
  readonly publicKey: JWK;
  sign(claims: JWTPayload, headers?: { readonly kid?: string }): Promise<Token>;
}

/** A token, with what its signer knows about it. */
export interface Token {
  readonly text: string;
  readonly claims: JWTPayload;
  /** Who signed, under the key id that the token names: an issuer verifies it with this key only. */
  readonly key: JWK;
}

/** Claims that a test does not care about: issuer `https://login.example.com`, subject alice, an hour to live. */
const usual = { iss: 'https://login.example.com', sub: 'alice' };

export async function signingKey(kid: string, alg: 'ES256' | 'RS256' | 'EdDSA' = 'ES256'): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const key: JWK = { ...(await exportJWK(publicKey)), kid, alg };
  return {
    kid,
    publicKey: key,
    jwks: JSON.stringify({ keys: [key] }),
    async sign(claims, headers) {
      const now = Math.floor(Date.now() / 1000);
      const all = { ...usual, exp: now + 3600, ...claims };
      const text = await new SignJWT(all).setProtectedHeader({ alg, kid, ...headers }).sign(privateKey);
      return { text, claims: all, key: { ...key, ...headers } };
    },
  };
}

/** Keys of several signers as one JWKS. */
export function jwksOf(...keys: readonly SigningKey[]): string {
  return JSON.stringify({ keys: keys.map(({ publicKey }) => publicKey) });
}
