/** Keys that somebody fetches when it runs, and nobody here: what is not known without them, and what to do. Sentences without a full stop. */
import type { Issuer, KeySource } from '../ir/guard.ts';
import type { TokenFacts } from '../resolve/explain/types.ts';

interface RemoteIssuer {
  readonly issuer: string;
  readonly uri: string;
}

function remote(issuers: readonly { readonly issuer: string; readonly keys: KeySource }[]): readonly RemoteIssuer[] {
  const found = issuers.flatMap(({ issuer, keys }) => (keys.kind === 'remote' ? [{ issuer, uri: keys.uri }] : []));
  return [...new Map(found.map((one) => [`${one.issuer} ${one.uri}`, one])).values()];
}

/** Of a request: only where its token is one of theirs. */
export function tokenNotes(facts: TokenFacts | undefined, issuers: readonly Issuer[]): readonly string[] {
  if (facts?.kind !== 'refused') return [];
  return remote(issuers)
    .filter(({ issuer }) => issuer === facts.issuer)
    .map(
      ({ issuer, uri }) =>
        `the keys of ${issuer} are fetched from ${uri} by what runs, and not here: the token counts as one that does not verify; say what is in it with --claims to see what becomes of a good one`,
    );
}

/** Of workloads: their objects name the address where the operator writes the keys. */
export function meshKeyNotes(issuers: readonly Issuer[]): readonly string[] {
  return remote(issuers).map(
    ({ issuer, uri }) =>
      `the keys of ${issuer} are fetched from ${uri} by the operator, which writes them on both sides; here both sides name the address (jwksUri), and a token is taken to verify at both or at none; give the keys as jwks.inline or jwks.configMapRef to have them compared`,
  );
}
