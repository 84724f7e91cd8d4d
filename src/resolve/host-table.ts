/** The placements of all Routes at one gateway, by chain, listener and host. A change of a Route touches its own hosts alone. */
import type { RouteEntry } from '../ir/gateway.ts';
import type { RoutePlacement } from './route-unit.ts';

/** Hosts of one chain. */
export interface ChainHosts {
  /** By `listener host`. */
  readonly placements: ReadonlyMap<string, ReadonlySet<RoutePlacement>>;
  /** Keys of `placements` of which something came or went since `settle`. */
  readonly changed: ReadonlySet<string>;
  /** Whether a key came or went since. */
  readonly renamed: boolean;
}

interface MutableHosts extends ChainHosts {
  readonly placements: Map<string, Set<RoutePlacement>>;
  readonly changed: Set<string>;
  renamed: boolean;
}

const noHosts: ChainHosts = { placements: new Map(), changed: new Set(), renamed: false };

export function hostKey(listener: string, host: string): string {
  return `${listener} ${host}`;
}

export class HostTable {
  readonly #chains = new Map<string, MutableHosts>();
  readonly #attached = new Map<string, number>();

  add(placement: RoutePlacement): void {
    const { chain, listener } = placement;
    this.#attached.set(listener, this.attached(listener) + 1);
    const hosts = this.#chains.get(chain) ?? { placements: new Map(), changed: new Set(), renamed: false };
    this.#chains.set(chain, hosts);
    for (const host of placement.hosts) {
      const key = hostKey(listener, host);
      const members = hosts.placements.get(key) ?? new Set();
      if (members.size === 0) hosts.renamed = true;
      hosts.placements.set(key, members.add(placement));
      hosts.changed.add(key);
    }
  }

  remove(placement: RoutePlacement): void {
    const { chain, listener } = placement;
    this.#attached.set(listener, this.attached(listener) - 1);
    const hosts = this.#chains.get(chain);
    if (hosts === undefined) return;
    for (const host of placement.hosts) {
      const key = hostKey(listener, host);
      const members = hosts.placements.get(key);
      members?.delete(placement);
      hosts.changed.add(key);
      if (members?.size !== 0) continue;
      hosts.placements.delete(key);
      hosts.renamed = true;
    }
  }

  /** How many Routes are attached to the listener. */
  attached(listener: string): number {
    return this.#attached.get(listener) ?? 0;
  }

  hosts(chain: string): ChainHosts {
    return this.#chains.get(chain) ?? noHosts;
  }

  /** What changed so far has been taken up. */
  settle(): void {
    for (const hosts of this.#chains.values()) {
      hosts.changed.clear();
      hosts.renamed = false;
    }
  }
}

export function entriesAt({ placements }: ChainHosts, key: string): readonly RouteEntry[] {
  return [...(placements.get(key) ?? [])].flatMap(({ entries }) => entries);
}
