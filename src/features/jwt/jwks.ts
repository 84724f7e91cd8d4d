/** Reads a JWKS (RFC 7517) and keeps its public keys. Symmetric and private ones are refused: they would be published. */
import { createPublicKey, type JsonWebKey } from 'node:crypto';

export type Jwks = { readonly ok: true; readonly jwks: string } | { readonly ok: false; readonly problem: string };

/** Private members of RFC 7518 §6 and RFC 8037. */
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

/** Members that verification needs, in the order in which they are written. */
const publicMembers = ['kty', 'kid', 'use', 'alg', 'n', 'e', 'crv', 'x', 'y'];

const curves = ['P-256', 'P-384', 'P-521', 'Ed25519'];

export function readJwks(text: string): Jwks {
  const keys = parseKeys(text);
  if (keys === undefined) return { ok: false, problem: 'it is not JSON of the form {"keys": [...]}' };
  if (keys.length === 0) return { ok: false, problem: 'it holds no key' };
  const problem = keys.map(keyProblem).find((each) => each !== undefined);
  if (problem !== undefined) return { ok: false, problem };
  return { ok: true, jwks: JSON.stringify({ keys: keys.map(publicPart) }) };
}

function parseKeys(text: string): readonly Readonly<Record<string, unknown>>[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const keys: unknown = typeof value === 'object' && value !== null && 'keys' in value ? value.keys : undefined;
    return Array.isArray(keys) && keys.every((key) => typeof key === 'object' && key !== null) ? keys : undefined;
  } catch {
    // The parser's own message would quote the text, which may hold a private key.
    return undefined;
  }
}

function keyProblem(key: Readonly<Record<string, unknown>>, index: number): string | undefined {
  const where = `keys[${index}]`;
  if (key['kty'] === 'oct' || 'k' in key) return `${where} is symmetric: whoever can read it can sign tokens`;
  if (privateMembers.some((member) => member in key)) return `${where} is a private key: publish only its public part`;
  if (!['RSA', 'EC', 'OKP'].includes(String(key['kty']))) return `${where} has an unknown kty`;
  if (key['kty'] !== 'RSA' && !curves.includes(String(key['crv']))) {
    return `${where} has an unsupported crv: use one of ${curves.join(', ')}`;
  }
  try {
    const bits = createPublicKey({ key: publicPart(key) as JsonWebKey, format: 'jwk' }).asymmetricKeyDetails
      ?.modulusLength;
    return bits !== undefined && bits < 2048
      ? `${where} is an RSA key of ${bits} bits: at least 2048 are needed`
      : undefined;
  } catch {
    return `${where} is not a usable public key`;
  }
}

function publicPart(key: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(publicMembers.filter((member) => member in key).map((member) => [member, key[member]]));
}
