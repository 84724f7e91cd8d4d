/** Which entries of the gateways' route tables send to which Service, and what each of them takes. */
import type { Gateway, RouteEntry, VirtualHost } from '../../ir/gateway.ts';
import type { Match } from '../../ir/match.ts';
import { keyOf, type ObjectKey } from '../../kube/object.ts';
import { type Conjunction, conjunction, intersect } from '../../policy/decision.ts';
import { covers } from '../hosts.ts';
import { changedKeys, sameMembers } from '../memo.ts';
import { replaced } from '../patched.ts';
import { disjointMatches, hostTerms } from './match-terms.ts';
import { type Passage, passageOf } from './passage.ts';
import { type Taken, takenBy } from './taken.ts';

/** An entry under one host. The same object while nothing that it depends on has changed. */
export interface Reached {
  readonly gateway: ObjectKey;
  readonly entry: RouteEntry;
  readonly passage: Passage;
  readonly taken: () => Taken | 'too-complex';
  /** What it takes of its host's requests, in normal form; none where that is too complex. */
  readonly requests: () => readonly Conjunction[];
}

/** By Service. */
export type Reach = ReadonlyMap<ObjectKey, readonly Reached[]>;

/** Remembers from call to call. */
export function reachOf(): (gateways: ReadonlyMap<ObjectKey, Gateway>) => Reach {
  let tables: ReadonlyMap<string, Places> = new Map();
  let reach: Reach = new Map();
  return (gateways) => {
    const next = new Map<string, Places>();
    const dirty = new Set<ObjectKey>();
    for (const [key, { chains }] of gateways) {
      for (const { name, virtualHosts } of chains) {
        const old = tables.get(`${key} ${name}`) ?? noPlaces;
        const places = placesOf(key, virtualHosts, old);
        next.set(`${key} ${name}`, places);
        markChanged(old, places, dirty);
      }
    }
    for (const [key, places] of tables) if (!next.has(key)) markChanged(places, noPlaces, dirty);
    tables = next;
    if (dirty.size > 0) reach = patched(reach, dirty, [...next.values()]);
    return reach;
  };
}

/** Of one chain, by domain. */
type Places = ReadonlyMap<string, Place>;

const noPlaces: Places = new Map();

/** One virtual host of a chain. */
interface Place {
  readonly host: VirtualHost;
  readonly narrower: readonly string[];
  readonly taken: readonly TakenAt[];
  readonly services: ReadonlyMap<ObjectKey, readonly Reached[]>;
}

interface TakenAt {
  /** Its match and those that may come before it, as text. */
  readonly key: string;
  readonly taken: Reached['taken'];
}

function placesOf(gateway: ObjectKey, virtualHosts: readonly VirtualHost[], before: Places): Places {
  const places = new Map<string, Place>();
  for (const host of virtualHosts) {
    if (host.entries.length === 0) continue;
    const narrower = host.domain.startsWith('*') ? narrowerThan(host.domain, virtualHosts) : [];
    const old = before.get(host.domain);
    const same = old?.host === host && sameMembers(old.narrower, narrower);
    places.set(host.domain, same ? old : placeOf(gateway, host, narrower, old));
  }
  return places;
}

function narrowerThan(domain: string, hosts: readonly VirtualHost[]): readonly string[] {
  const others = hosts.map((host) => host.domain).filter((other) => other !== domain && covers(domain, other));
  const wild = others.filter((other) => other.startsWith('*'));
  if (wild.length === 0) return others;
  // What a wider one of them has taken away need not be taken away again …
  const isBelow = (other: string) => wild.some((wider) => wider !== other && covers(wider, other));
  const { below = [], apart = [] } = Object.groupBy(others, (other) => (isBelow(other) ? 'below' : 'apart'));
  const exact = below.filter((other) => !other.startsWith('*'));
  // … but that Istio has no words for a wildcard and any port: what a few exact hosts take is said with all of theirs.
  return exact.length > mostNamed ? apart : [...apart, ...exact];
}

/** Exact hosts below wildcards. */
const mostNamed = 16;

function placeOf(gateway: ObjectKey, host: VirtualHost, narrower: readonly string[], old: Place | undefined): Place {
  const taken = takenAt(host.entries, old?.taken ?? []);
  const sameHosts = old !== undefined && sameMembers(old.narrower, narrower);
  const atHost = conjunction(hostTerms(host.domain, narrower), []);
  const known = new Map([...(old?.services.values() ?? [])].flat().map((one) => [one.entry, one]));
  const services = new Map<ObjectKey, Reached[]>();
  for (const [index, entry] of host.entries.entries()) {
    if (entry.rule.backends.length === 0) continue;
    const before = sameHosts ? known.get(entry) : undefined;
    const own = taken[index]?.taken ?? nothing;
    const reached =
      before?.taken === own
        ? before
        : { gateway, entry, passage: passageOf(entry), taken: own, requests: once(() => requestsOf(own(), atHost)) };
    for (const service of new Set(entry.rule.backends.map((backend) => keyOf(backend.namespace, backend.service)))) {
      const list = services.get(service) ?? [];
      services.set(service, list);
      list.push(reached);
    }
  }
  return { host, narrower, taken, services };
}

function requestsOf(taken: Taken | 'too-complex', atHost: Conjunction | 'empty'): readonly Conjunction[] {
  if (taken === 'too-complex' || atHost === 'empty') return [];
  return taken.outside.map((piece) => intersect(piece, atHost)).filter((one) => one !== 'empty');
}

const nothing: Reached['taken'] = () => ({ outside: [], opaque: [], inside: [] });

const texts = new WeakMap<Match, string>();

function textOf(match: Match): string {
  const text = texts.get(match) ?? JSON.stringify(match);
  texts.set(match, text);
  return text;
}

/** A change of policies leaves all matches as they were: then nothing is held against another. */
function takenAt(entries: readonly RouteEntry[], old: readonly TakenAt[]): readonly TakenAt[] {
  const keys = entries.map(({ match }) => textOf(match));
  const all = keys.join('\n');
  const last = takenLists.get(old);
  if (last === all) return old;
  const known = new Map(old.map((one) => [one.key, one]));
  const list = entries.map(({ match }, index): TakenAt => {
    const before = entries.slice(0, index).filter((other) => !disjointMatches(match, other.match));
    const key = [keys[index], ...before.map((other) => textOf(other.match))].join('\n');
    return (
      known.get(key) ?? {
        key,
        taken: once(() =>
          takenBy(
            match,
            before.map((other) => other.match),
          ),
        ),
      }
    );
  });
  takenLists.set(list, all);
  return list;
}

const takenLists = new WeakMap<readonly TakenAt[], string>();

function once<T>(compute: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: compute() };
    return made.value;
  };
}

/** Services of which some list is another one. */
function markChanged(before: Places, after: Places, dirty: Set<ObjectKey>): void {
  for (const domain of changedKeys(before, after)) {
    const [old, now] = [before, after].map((places) => places.get(domain)?.services ?? noServices);
    markDifferent(old ?? noServices, now ?? noServices, dirty);
  }
}

const noServices: Place['services'] = new Map();

function markDifferent(a: Place['services'], b: Place['services'], dirty: Set<ObjectKey>): void {
  for (const service of new Set([...a.keys(), ...b.keys()])) {
    if (!sameMembers(a.get(service) ?? [], b.get(service) ?? [])) dirty.add(service);
  }
}

function patched(reach: Reach, dirty: ReadonlySet<ObjectKey>, tables: readonly Places[]): Reach {
  const lists = new Map<ObjectKey, Reached[]>([...dirty].map((service) => [service, []]));
  for (const { services } of tables.flatMap((places) => [...places.values()])) {
    if (services.size < dirty.size) for (const [service, list] of services) lists.get(service)?.push(...list);
    else for (const service of dirty) lists.get(service)?.push(...(services.get(service) ?? []));
  }
  return replaced(reach, new Map([...lists].map(([service, list]) => [service, list.length === 0 ? undefined : list])));
}
