/** Where no token is needed: which are refused all the same, because the workload in the mesh takes no others. */
import { type AcceptedIssuers, requirementAt } from '../../ir/accepted-tokens.ts';
import type { RouteEntry } from '../../ir/gateway.ts';
import { edgeDecision } from '../../policy/planes.ts';
import { signerName, signersOf } from './issuers.ts';
import type { Difference } from './types.ts';

export interface Taking {
  readonly entry: RouteEntry;
  readonly accepted: AcceptedIssuers | undefined;
}

/** Undefined where both sides take the same; also where either needs a token: then `callers` says all. */
export function tokenDifference(before: Taking, after: Taking): Difference | undefined {
  if (before.accepted === undefined && after.accepted === undefined) return undefined;
  if (!isPublic(before.entry) || !isPublic(after.entry)) return undefined;
  const [old, now] = [takenAt(before), takenAt(after)];
  const opens = old !== undefined && (now === undefined || [...now.keys()].some((signer) => !old.has(signer)));
  const closes = now !== undefined && (old === undefined || [...old.keys()].some((signer) => !now.has(signer)));
  if (!opens && !closes) return undefined;
  return {
    what: 'tokens',
    effect: opens ? (closes ? 'shifts' : 'opens') : 'closes',
    words: [wordsOf(old), wordsOf(now)],
  };
}

function isPublic({ rule, guard }: RouteEntry): boolean {
  return (
    rule.blocked === undefined &&
    guard.kind === 'guarded' &&
    guard.issuers.length === 0 &&
    edgeDecision(guard.decision).allow.length > 0
  );
}

/** By signer: the issuer. Undefined takes any token. */
function takenAt({ entry, accepted }: Taking): ReadonlyMap<string, string> | undefined {
  const issuers = requirementAt(entry, accepted)?.issuers;
  return issuers && new Map(issuers.flatMap(signersOf).map((signer) => [signerName(signer), signer.issuer]));
}

function wordsOf(taken: ReadonlyMap<string, string> | undefined): string {
  if (taken === undefined) return 'any';
  const issuers = [...new Set(taken.values())].toSorted().join(', ');
  return `none but those of ${issuers} (${taken.size} ${taken.size === 1 ? 'key' : 'keys'})`;
}
