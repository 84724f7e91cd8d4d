/** What entries need beside themselves. */
import type { Backend, RouteEntry, Uses } from '../ir/gateway.ts';
import type { Issuer } from '../ir/guard.ts';
import { isEqual } from './equal.ts';
import { rememberLast } from './memo.ts';

export function usesOf(entries: readonly RouteEntry[]): Uses {
  const guards = [...new Set(entries.map(({ guard }) => guard))];
  const rules = [...new Set(entries.map(({ rule }) => rule))];
  return {
    required: distinct(
      guards.flatMap((guard) => (guard.kind === 'blocked' || guard.issuers.length === 0 ? [] : [guard.issuers])),
      keys.required,
    ),
    issuers: distinct(
      guards.flatMap((guard) => (guard.kind === 'blocked' ? [] : [...guard.issuers, ...(guard.shadow?.issuers ?? [])])),
      keys.issuers,
    ),
    limits: distinct([...new Set(entries.map(({ limits }) => limits))].flat(), keys.limits),
    backends: distinct(
      rules.flatMap(({ backends }) => backends),
      keys.backends,
    ),
  };
}

/** Within one snapshot, what has the same key is the same. */
const keys: { readonly [K in keyof Uses]: (item: Uses[K][number]) => string } = {
  required: (issuers: readonly Issuer[]) => issuers.map(({ id }) => id).join(' '),
  issuers: ({ id }) => id,
  limits: ({ id }) => id,
  backends: backendKey,
};

export function backendKey({ namespace, service, port }: Backend): string {
  return `${namespace}/${service}/${port}`;
}

function distinct<T>(items: readonly T[], key: (item: T) => string): readonly T[] {
  if (items.length === 0) return items;
  return sortedValues(new Map(items.map((item) => [key(item), item])));
}

function sortedValues<T>(byKey: ReadonlyMap<string, T>): readonly T[] {
  return [...byKey].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, item]) => item);
}

/** The union of many Uses, kept while some of them change. */
export class UnitedUses {
  readonly #required = new Tally(keys.required);
  readonly #issuers = new Tally(keys.issuers);
  readonly #limits = new Tally(keys.limits);
  readonly #backends = new Tally(keys.backends);
  readonly #all = rememberLast(
    (
      ...[required, issuers, limits, backends]: readonly [
        Uses['required'],
        Uses['issuers'],
        Uses['limits'],
        Uses['backends'],
      ]
    ): Uses => ({ required, issuers, limits, backends }),
  );

  /** All that go first: what nobody new brings must not outlive its last user. */
  change(gone: readonly Uses[], come: readonly Uses[]): void {
    for (const { required, issuers, limits, backends } of gone) {
      this.#required.remove(required);
      this.#issuers.remove(issuers);
      this.#limits.remove(limits);
      this.#backends.remove(backends);
    }
    for (const { required, issuers, limits, backends } of come) {
      this.#required.add(required);
      this.#issuers.add(issuers);
      this.#limits.add(limits);
      this.#backends.add(backends);
    }
    for (const tally of [this.#required, this.#issuers, this.#limits, this.#backends]) tally.settle();
  }

  /** The same object while it holds the same, and so is each of its lists. */
  get all(): Uses {
    return this.#all(this.#required.list, this.#issuers.list, this.#limits.list, this.#backends.list);
  }
}

/** How often each item is used; those that are, by key. */
class Tally<T> {
  readonly #key: (item: T) => string;
  readonly #used = new Map<string, { readonly item: T; count: number }>();
  /** Keys that were used no more, at some moment since `settle`. */
  readonly #idle = new Set<string>();
  #list: readonly T[] | undefined;

  constructor(key: (item: T) => string) {
    this.#key = key;
  }

  add(items: readonly T[]): void {
    for (const item of items) {
      const key = this.#key(item);
      const used = this.#used.get(key);
      if (used !== undefined && (used.count > 0 || isEqual(used.item, item))) {
        used.count += 1;
        continue;
      }
      this.#used.set(key, { item, count: 1 });
      this.#list = undefined;
    }
  }

  remove(items: readonly T[]): void {
    for (const item of items) {
      const used = this.#used.get(this.#key(item));
      if (used === undefined) continue;
      used.count -= 1;
      if (used.count === 0) this.#idle.add(this.#key(item));
    }
  }

  /** What is used again stays as it was. */
  settle(): void {
    for (const key of this.#idle) {
      if (this.#used.get(key)?.count !== 0) continue;
      this.#used.delete(key);
      this.#list = undefined;
    }
    this.#idle.clear();
  }

  get list(): readonly T[] {
    this.#list ??= sortedValues(this.#used).map(({ item }) => item);
    return this.#list;
  }
}
