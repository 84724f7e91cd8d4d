/** Whose bad tokens a chain refuses on routes that need none. */
import type { Uses } from '../ir/gateway.ts';

/**
 * Ids of the issuers that an enforced policy names: Shadow refuses nobody. But not an issuer that two policies give different
 * keys for: Envoy would judge its tokens by one of the two, and whoever wrote the other could shut everybody's public routes.
 */
export function refusingIssuers({ issuers, required }: Uses): ReadonlySet<string> {
  const enforced = new Set(required.flatMap((set) => set.map(({ id }) => id)));
  const keys = new Map<string, number>();
  for (const { issuer } of issuers) keys.set(issuer, (keys.get(issuer) ?? 0) + 1);
  return new Set(issuers.filter(({ id, issuer }) => enforced.has(id) && keys.get(issuer) === 1).map(({ id }) => id));
}
