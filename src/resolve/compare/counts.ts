/** Which requests share the count of a limit: what was counted together and now is apart may pass several times as often. */
import type { Chain, RouteEntry } from '../../ir/gateway.ts';
import type { Limit } from '../../ir/guard.ts';
import { describeRef, type ObjectKey } from '../../kube/object.ts';
import type { ChainPair } from './doors.ts';
import type { GatewayChange } from './types.ts';

/** Collects what becomes of each count. A token bucket belongs to a chain, a policy's target and a limit. */
export class Counts {
  readonly #old = new Map<string, Count>();
  readonly #now = new Map<string, Count>();

  /** Two entries that some request sees change into each other. */
  add({ before: from, after: to }: ChainPair, before: RouteEntry | undefined, after: RouteEntry | undefined): void {
    if (from === undefined || to === undefined || before === undefined || after === undefined) return;
    for (const [limit, other] of successors(before.limits.filter(isEnforced), after.limits.filter(isEnforced))) {
      const [old, now] = [countOf(this.#old, limit, from), countOf(this.#now, other, to)];
      old.others.add(now);
      now.others.add(old);
    }
  }

  changes(gateway: ObjectKey): readonly GatewayChange[] {
    const several = (counts: ReadonlyMap<string, Count>) =>
      [...counts.values()].filter(({ others }) => others.size > 1);
    const change = ({ limit }: Count) => ({
      gateway,
      what: 'limit' as const,
      name: `${limit.name} of ${describeRef(limit.policy)}`,
    });
    return [
      ...several(this.#old).map(
        (one): GatewayChange => ({
          ...change(one),
          before: wordsOf([one]),
          after: wordsOf([...one.others]),
          effect: 'looser',
        }),
      ),
      ...several(this.#now).map(
        (one): GatewayChange => ({
          ...change(one),
          before: wordsOf([...one.others]),
          after: wordsOf([one]),
          effect: 'tighter',
        }),
      ),
    ];
  }
}

interface Count {
  readonly limit: Limit;
  readonly chain: string;
  /** Of the other side, that count requests of this one. */
  readonly others: Set<Count>;
}

function isEnforced({ mode }: Limit): boolean {
  return mode === 'Enforce';
}

function countOf(known: Map<string, Count>, limit: Limit, chain: Chain): Count {
  const { protocol, port, serverName = '' } = chain;
  const place = `${protocol} ${port} ${serverName}`.trimEnd();
  const key = `${place} ${limit.id}`;
  const count = known.get(key) ?? { limit, chain: place, others: new Set() };
  known.set(key, count);
  return count;
}

/** Whatever limits are called: the same one, else one that says the same, else one that counts the same callers together. */
function successors(before: readonly Limit[], after: readonly Limit[]): readonly (readonly [Limit, Limit])[] {
  const [old, now] = [new Set(before.toSorted(byId)), new Set(after.toSorted(byId))];
  const found: (readonly [Limit, Limit])[] = [];
  for (const alike of [({ id }: Limit) => id, rateKey, spanKey]) {
    for (const limit of old) {
      const other = [...now].find((one) => alike(one) === alike(limit));
      if (other === undefined) continue;
      old.delete(limit);
      now.delete(other);
      found.push([limit, other]);
    }
  }
  return found;
}

function byId(a: Limit, b: Limit): number {
  return a.id < b.id ? -1 : 1;
}

function rateKey(limit: Limit): string {
  return `${limit.requests} ${limit.seconds} ${spanKey(limit)}`;
}

function spanKey({ by }: Limit): string {
  return by
    .map((one) => JSON.stringify(one))
    .toSorted()
    .join();
}

/** `one count for Route shop/orders`; where of which listener when there are several. */
function wordsOf(counts: readonly Count[]): string {
  const chains = new Set(counts.map(({ chain }) => chain));
  const names = counts.map(({ limit, chain }) => {
    const target = limit.id.slice(limit.id.indexOf(' ') + 1);
    return chains.size > 1 ? `${target} at ${chain}` : target;
  });
  return `${counts.length === 1 ? 'one count' : `${counts.length} counts`} for ${names.toSorted().join(', ')}`;
}
