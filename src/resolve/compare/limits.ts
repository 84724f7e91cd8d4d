/** Whether more or fewer requests pass: limits by what they count, whatever they are called. */
import type { RouteEntry } from '../../ir/gateway.ts';
import type { Limit } from '../../ir/guard.ts';
import { canonical } from './answers.ts';
import type { Effect } from './types.ts';

/** Undefined where the limits mean the same. Which rules share one count is compared by `Counts`. */
export function limitEffect(before: RouteEntry | undefined, after: RouteEntry | undefined): Effect | undefined {
  const [old, now] = [bySpan(before?.limits ?? []), bySpan(after?.limits ?? [])];
  if (canonical([...old.values()].flat()) === canonical([...now.values()].flat())) return undefined;
  // Shadow counts and lets everybody pass.
  const keys = [...new Set([...old.keys(), ...now.keys()])].filter((key) => key.startsWith('Enforce'));
  const effects = keys.map((key) => effectOf(old.get(key), now.get(key)));
  const found = new Set(effects.filter((effect) => effect !== undefined));
  const [only = 'differs'] = found;
  return found.size === 1 ? only : 'differs';
}

/** What can be held against each other: limits of one mode that count the same callers together. */
function bySpan(limits: readonly Limit[]): ReadonlyMap<string, readonly Rate[]> {
  const plain = limits.map(({ requests, seconds, by, mode }) => ({
    key: `${mode} ${by
      .map((one) => JSON.stringify(one))
      .toSorted()
      .join()}`,
    rate: { requests, seconds },
  }));
  const groups = Map.groupBy(plain.toSorted(compare), ({ key }) => key);
  return new Map([...groups].map(([key, all]) => [key, all.map(({ rate }) => ({ ...rate, key }))]));
}

interface Rate {
  readonly requests: number;
  readonly seconds: number;
}

interface Keyed {
  readonly key: string;
  readonly rate: Rate;
}

function compare(a: Keyed, b: Keyed): number {
  return (
    (a.key < b.key ? -1 : a.key > b.key ? 1 : 0) || a.rate.seconds - b.rate.seconds || a.rate.requests - b.rate.requests
  );
}

function effectOf(before: readonly Rate[] | undefined, after: readonly Rate[] | undefined): Effect | undefined {
  if (canonical(before) === canonical(after)) return undefined;
  const [old = [], now = []] = [before, after];
  const tighter = old.every((one) => now.some((other) => within(other, one)));
  const looser = now.every((one) => old.some((other) => within(other, one)));
  if (tighter === looser) return 'differs';
  return tighter ? 'tighter' : 'looser';
}

/** Whatever the first lets pass, the second does: neither its burst nor its rate is smaller. */
function within(a: Rate, b: Rate): boolean {
  return a.requests <= b.requests && a.requests / a.seconds <= b.requests / b.seconds;
}
