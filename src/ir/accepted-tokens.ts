/** What a route of a gateway in a mesh asks of tokens: what Istio asks before the workloads behind it. */
import { keyOf, type ObjectKey } from '../kube/object.ts';
import type { Finding } from '../status/finding.ts';
import type { Backend } from './backend.ts';
import type { Guard, Issuer } from './guard.ts';

/** By `namespace/service`: whose tokens, and no others, the workload behind it takes. No list is empty. */
export type AcceptedIssuers = ReadonlyMap<ObjectKey, readonly Issuer[]>;

export interface TokenRequirement {
  /** In the order in which they are asked: of several that verify one token, Envoy stops at the first. */
  readonly issuers: readonly Issuer[];
  /** A request without a token passes as well. */
  readonly optional: boolean;
}

/** What of a RouteEntry has a say. */
interface Entry {
  readonly rule: { readonly backends: readonly Backend[]; readonly blocked?: Finding };
  readonly guard: Guard;
}

/** Undefined where no workload behind the entry looks at tokens: then the chain alone says what becomes of them. */
export function requirementAt(
  { rule, guard }: Entry,
  accepted: AcceptedIssuers | undefined,
): TokenRequirement | undefined {
  if (accepted === undefined || rule.blocked !== undefined || guard.kind === 'blocked') return undefined;
  const taken = rule.backends.flatMap(({ namespace, service }) => accepted.get(keyOf(namespace, service)) ?? []);
  if (taken.length === 0) return undefined;
  // The policies see a token under the issuer that verified it: theirs go first, should another policy have the same key.
  const all = new Map([...guard.issuers, ...taken].map((issuer) => [issuer.id, issuer]));
  return { issuers: [...all.values()], optional: guard.issuers.length === 0 };
}
