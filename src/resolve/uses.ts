/** What entries need beside themselves. */
import type { Backend, RouteEntry, Uses } from '../ir/gateway.ts';
import type { Issuer, Limit } from '../ir/guard.ts';

export function usesOf(entries: readonly RouteEntry[]): Uses {
  const guards = [...new Set(entries.map(({ guard }) => guard))];
  const rules = [...new Set(entries.map(({ rule }) => rule))];
  return {
    required: distinct(
      guards.flatMap((guard) => (guard.kind === 'blocked' || guard.issuers.length === 0 ? [] : [guard.issuers])),
      setKey,
    ),
    issuers: distinct(
      guards.flatMap((guard) => (guard.kind === 'blocked' ? [] : [...guard.issuers, ...(guard.shadow?.issuers ?? [])])),
      ({ id }: Issuer) => id,
    ),
    limits: distinct([...new Set(entries.map(({ limits }) => limits))].flat(), ({ id }: Limit) => id),
    backends: distinct(
      rules.flatMap(({ backends }) => backends),
      backendKey,
    ),
  };
}

export function unite(all: readonly Uses[]): Uses {
  return {
    required: distinct(
      all.flatMap(({ required }) => required),
      setKey,
    ),
    issuers: distinct(
      all.flatMap(({ issuers }) => issuers),
      ({ id }: Issuer) => id,
    ),
    limits: distinct(
      all.flatMap(({ limits }) => limits),
      ({ id }: Limit) => id,
    ),
    backends: distinct(
      all.flatMap(({ backends }) => backends),
      backendKey,
    ),
  };
}

function setKey(issuers: readonly Issuer[]): string {
  return issuers.map(({ id }) => id).join(' ');
}

export function backendKey({ namespace, service, port }: Backend): string {
  return `${namespace}/${service}/${port}`;
}

function distinct<T>(items: readonly T[], key: (item: T) => string): readonly T[] {
  if (items.length === 0) return items;
  const byKey = new Map(items.map((item) => [key(item), item]));
  return [...byKey.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, item]) => item);
}
