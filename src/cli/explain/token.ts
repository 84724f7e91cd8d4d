/** What Envoy's jwt_authn will find when it verifies a token, found with the same keys. */
import { compactVerify, importJWK, type JWK } from 'jose';
import type { Gateway } from '../../ir/gateway.ts';
import type { Issuer } from '../../ir/guard.ts';
import type { TokenClaims, TokenFacts } from '../../resolve/explain/types.ts';

/** Every issuer that a listener of the gateway knows. */
export function issuersOf({ chains }: Gateway): readonly Issuer[] {
  const all = chains.flatMap(({ uses }) => uses.issuers);
  return [...new Map(all.map((issuer) => [issuer.id, issuer])).values()];
}

/** Envoy's providers look for `Bearer ` anywhere in the header, in this case only, and skip to the first character of a token. */
export function bearerToken(header: string): string | undefined {
  const at = header.indexOf('Bearer ');
  const token = at < 0 ? '' : header.slice(at + 'Bearer '.length).replace(/^[^A-Za-z0-9\-_.]+/, '');
  return token === '' ? undefined : token;
}

/** `header` is the value of Authorization (several lines joined with `,`); undefined when it holds no token. */
export async function tokenFacts(
  header: string | undefined,
  issuers: readonly Issuer[],
  now: Date,
): Promise<TokenFacts | undefined> {
  const text = header === undefined ? undefined : bearerToken(header);
  if (text === undefined) return undefined;
  const token = parseToken(text);
  const named = issuers.filter(({ issuer }) => issuer === token?.claims['iss']);
  const [first] = named;
  if (token === undefined || first === undefined) return { kind: 'unknown' };
  const late = timeProblem(token.claims, now);
  if (late !== undefined) return { kind: 'refused', issuer: first.issuer, reason: late };
  const problems = await Promise.all(
    named.map(async (issuer) => ({ id: issuer.id, problem: await signatureProblem(token, issuer) })),
  );
  const issuerIds = problems.flatMap(({ id, problem }) => (problem === undefined ? [id] : []));
  if (issuerIds.length > 0) return { kind: 'valid', issuerIds, claims: token.claims };
  return { kind: 'refused', issuer: first.issuer, reason: problems[0]?.problem ?? '' };
}

/** A token that needs no signature, for `--claims`. */
export function claimedToken(claims: TokenClaims, issuers: readonly Issuer[]): TokenFacts {
  const issuerIds = issuers.filter(({ issuer }) => issuer === claims['iss']).map(({ id }) => id);
  return issuerIds.length === 0 ? { kind: 'unknown' } : { kind: 'valid', issuerIds, claims };
}

interface Token {
  readonly text: string;
  readonly alg: string;
  readonly kid: string | undefined;
  readonly claims: TokenClaims;
}

/** Key type of each algorithm that Envoy's jwt_verify_lib implements; HMAC keys never get into a gateway. */
const keyTypes: Readonly<Record<string, string>> = {
  ...Object.fromEntries(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'].map((alg) => [alg, 'RSA'])),
  ...Object.fromEntries(['ES256', 'ES384', 'ES512'].map((alg) => [alg, 'EC'])),
  ...Object.fromEntries(['HS256', 'HS384', 'HS512'].map((alg) => [alg, 'oct'])),
  EdDSA: 'OKP',
};

/** As jwt_verify_lib's Jwt::parseFromString: what it calls a bad format is no token at all to Envoy. */
function parseToken(text: string): Token | undefined {
  const [header, payload, signature, ...rest] = text.split('.');
  const head = readPart(header);
  const claims = readPart(payload);
  if (head === undefined || claims === undefined || rest.length > 0) return undefined;
  if (signature === undefined || !isBase64Url(signature)) return undefined;
  const { alg, kid } = head;
  if (typeof alg !== 'string' || !Object.hasOwn(keyTypes, alg)) return undefined;
  if (kid !== undefined && typeof kid !== 'string') return undefined;
  return hasWellFormedClaims(claims) ? { text, alg, kid, claims } : undefined;
}

function isBase64Url(text: string): boolean {
  return /^[A-Za-z0-9_-]+$/.test(text) && text.length % 4 !== 1;
}

function readPart(part: string | undefined): TokenClaims | undefined {
  if (part === undefined || !isBase64Url(part)) return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function hasWellFormedClaims(claims: TokenClaims): boolean {
  const absentOr = (name: string, holds: (value: unknown) => boolean) =>
    !Object.hasOwn(claims, name) || holds(claims[name]);
  const isText = (value: unknown) => typeof value === 'string';
  const isTime = (value: unknown) => typeof value === 'number' && value >= 0 && value < 2 ** 63;
  return (
    ['iss', 'sub', 'jti'].every((name) => absentOr(name, isText)) &&
    ['exp', 'nbf', 'iat'].every((name) => absentOr(name, isTime)) &&
    absentOr('aud', (value) => isText(value) || (Array.isArray(value) && value.every(isText)))
  );
}

const clockSkewSeconds = 60;

function timeProblem({ exp, nbf }: TokenClaims, now: Date): string | undefined {
  const seconds = Math.floor(now.getTime() / 1000);
  if (typeof nbf === 'number' && seconds + clockSkewSeconds < Math.floor(nbf)) return 'it is not valid yet (nbf)';
  // 0 is as if it were absent.
  const end = typeof exp === 'number' ? Math.floor(exp) : 0;
  return end !== 0 && seconds > end + clockSkewSeconds ? 'it has expired (exp)' : undefined;
}

async function signatureProblem(token: Token, { keys }: Issuer): Promise<string | undefined> {
  if (keys.kind === 'remote') return `its keys are fetched from ${keys.uri}, so it cannot be verified here`;
  const { keys: all } = JSON.parse(keys.jwks) as { readonly keys: readonly JWK[] };
  const fitting = all.filter((key) => fits(token, key));
  if (fitting.length === 0) return `no key of the issuer is for kid ${token.kid ?? '(none)'} and alg ${token.alg}`;
  const verified = await Promise.all(fitting.map((key) => verifies(token, key)));
  return verified.includes(true) ? undefined : 'its signature is not by a key of the issuer';
}

/** A key without kid or alg is for all of them. */
function fits({ kid, alg }: Token, key: JWK): boolean {
  return (
    key.kty === keyTypes[alg] &&
    (key.alg === undefined || key.alg === alg) &&
    (kid === undefined || key.kid === undefined || key.kid === kid)
  );
}

async function verifies({ text, alg }: Token, key: JWK): Promise<boolean> {
  try {
    await compactVerify(text, await importJWK(key, alg));
    return true;
  } catch {
    return false;
  }
}
