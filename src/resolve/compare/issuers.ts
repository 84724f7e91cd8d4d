/** Issuers by what they verify, so that a key set that is written in another way, or by another policy, is the same one. */
import type { Issuer } from '../../ir/guard.ts';
import { type Constraint, type Decision, normalise } from '../../policy/decision.ts';
import { matchesPattern, type Pattern } from '../../policy/pattern.ts';

/** One key of one issuer: who holds it can make tokens that are admitted. */
export interface Signer {
  readonly issuer: string;
  /** A public key as JSON with sorted members, or the URI that keys are fetched from. */
  readonly key: string;
}

export function signersOf({ issuer, keys }: Issuer): readonly Signer[] {
  if (keys.kind === 'remote') return [{ issuer, key: keys.uri }];
  const all = (JSON.parse(keys.jwks) as { readonly keys: readonly object[] }).keys;
  return all.map((key) => ({ issuer, key: JSON.stringify(Object.entries(key).toSorted(byName)) }));
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}

/** Stands in a decision where the id of an issuer stood. */
export function signerName({ issuer, key }: Signer): string {
  return JSON.stringify([issuer, key]);
}

export function readSignerName(name: string): Signer {
  const [issuer = '', key = ''] = JSON.parse(name) as readonly string[];
  return { issuer, key };
}

/** Whether nobody can tell which of two key sets of one issuer verifies a token, because one of them is fetched. */
export function isAmbiguous(issuers: readonly Issuer[]): boolean {
  const fetched = issuers.filter(({ keys }) => keys.kind === 'remote');
  return fetched.some((one) => issuers.some((other) => other !== one && other.issuer === one.issuer));
}

/**
 * The decision over signers instead of ids, which are hashes of whole key sets. Of several issuers that verify a token, Envoy
 * stops at the first in this order. What a decision asks of `iss` beside the issuer is settled here: it is the issuer's name.
 */
export function bySigner(decision: Decision, issuers: readonly Issuer[]): Decision {
  if (issuers.length === 0) return decision;
  const names = new Map<string, readonly string[]>();
  const taken = new Set<string>();
  for (const issuer of issuers) {
    const own = signersOf(issuer).map(signerName);
    names.set(
      issuer.id,
      own.filter((name) => !taken.has(name)),
    );
    for (const name of own) taken.add(name);
  }
  const renamed = (list: Decision['allow']) =>
    normalise(list.map(({ constraints, sources }) => ({ constraints: settled(constraints, names), sources })));
  return { deny: renamed(decision.deny), allow: renamed(decision.allow) };
}

function settled(
  constraints: readonly Constraint[],
  names: ReadonlyMap<string, readonly string[]>,
): readonly Constraint[] {
  const aboutName = constraints.filter(isName);
  const named = constraints.some((one) => isIssuer(one) && !one.negated);
  const fits = (name: string) => {
    const { issuer } = readSignerName(name);
    return aboutName.every(
      ({ negated, anyOf }) => anyOf.some((pattern) => matchesPattern(pattern, issuer)) !== negated,
    );
  };
  const signers = (pattern: Pattern, negated: boolean): readonly Pattern[] =>
    pattern.kind === 'exact'
      ? (names.get(pattern.value) ?? [])
          .filter((name) => negated || fits(name))
          .map((value) => ({ kind: 'exact', value }))
      : [pattern];
  return constraints
    .filter((one) => !named || !isName(one))
    .map((one) =>
      isIssuer(one) ? { ...one, anyOf: one.anyOf.flatMap((pattern) => signers(pattern, one.negated)) } : one,
    );
}

function isIssuer({ attribute }: Constraint): boolean {
  return attribute.kind === 'issuer';
}

function isName({ attribute }: Constraint): boolean {
  return attribute.kind === 'claim' && attribute.path.length === 1 && attribute.path[0] === 'iss';
}
