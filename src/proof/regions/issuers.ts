/** Whose tokens there are to be tried: one for each way in which sets of keys can verify one. */

import type { KeySource } from '../../ir/guard.ts';
import { compareText } from '../../policy/attribute.ts';

export interface TokenIssuer {
  readonly issuer: string;
  /** The sets of keys that verify it, where its issuer has several; undefined where whatever it has does. */
  readonly jwks: readonly string[] | undefined;
}

/** An issuer as somebody knows it. */
export interface KnownIssuer {
  readonly issuer: string;
  /** `keySetOf` */
  readonly keys: string;
}

/** What a set of keys is known by: its text, or where it is fetched from. */
export function keySetOf(keys: KeySource): string {
  return keys.kind === 'inline' ? keys.jwks : keys.uri;
}

/** Sets of one issuer may share keys, as they do where one of two policies has been given a new one. */
export function tokenIssuers(known: readonly KnownIssuer[]): readonly TokenIssuer[] {
  const byIssuer = Map.groupBy(known, ({ issuer }) => issuer);
  return [...byIssuer].flatMap(([issuer, all]): readonly TokenIssuer[] => {
    const sets = [...new Set(all.map(({ keys }) => keys))];
    if (sets.length < 2) return [{ issuer, jwks: undefined }];
    const owners = sets.flatMap(keysIn).map((key) => sets.filter((set) => keysIn(set).includes(key)));
    const distinct = new Map(owners.map((one) => [JSON.stringify(one), one]));
    return [...distinct.values()].map((jwks) => ({ issuer, jwks }));
  });
}

/** A set that is not known stands for a key of its own. */
function keysIn(set: string): readonly string[] {
  if (!set.startsWith('{')) return [set];
  const { keys } = JSON.parse(set) as { readonly keys: readonly object[] };
  return keys.map((key) => JSON.stringify(Object.entries(key).toSorted(([a], [b]) => compareText(a, b))));
}
