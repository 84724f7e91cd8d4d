/** Which port of this machine stands for a port of a gateway. */
import { createServer } from 'node:net';
import type { Gateway } from '../../ir/gateway.ts';
import { describeRef, keyOf, type ObjectKey } from '../../kube/object.ts';
import type { Finding } from '../../status/finding.ts';

/** `[NS/NAME:]443=8443`; 0 means any free port. */
export interface PortMapping {
  /** Every gateway when undefined. */
  readonly gateway: ObjectKey | undefined;
  readonly port: number;
  readonly bound: number;
}

export interface AssignedPorts {
  /** Port of the gateway -> port of this machine. */
  readonly ports: ReadonlyMap<number, number>;
  readonly findings: readonly Finding[];
}

/** `taken` and `forbidden` as the kernel says; any other refusal by its code, such as EADDRNOTAVAIL. */
export type Probed = { readonly free: true; readonly port: number } | { readonly free: false; readonly code: string };
export type Probe = (address: string, port: number) => Promise<Probed>;

/** A port that only root may bind is moved up by this. */
export const unprivilegedOffset = 10_000;

/** Binds and lets go: only the kernel knows what this process may do. */
export function probePort(address: string, port: number): Promise<Probed> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve({ free: false, code: error.code ?? 'unknown' }));
    server.listen({ host: address, port, exclusive: true }, () => {
      const bound = server.address();
      server.close(() =>
        resolve({ free: true, port: typeof bound === 'object' && bound !== null ? bound.port : port }),
      );
    });
  });
}

/** Remembers what it gave: a port stays the same as long as its gateway is there. */
export class PortPlan {
  readonly #address: string;
  readonly #mappings: readonly PortMapping[];
  readonly #probe: Probe;
  readonly #given = new Map<ObjectKey, Map<number, number>>();
  readonly #used = new Map<ObjectKey, ReadonlyMap<number, number>>();

  constructor(address: string, mappings: readonly PortMapping[], probe: Probe = probePort) {
    this.#address = address;
    this.#mappings = mappings;
    this.#probe = probe;
  }

  /** Calls must not overlap. With a finding the gateway cannot be served as it is written. */
  async assign(gateway: Gateway): Promise<AssignedPorts> {
    const key = keyOf(gateway.ref.namespace, gateway.ref.name);
    const given = this.#given.get(key) ?? new Map<number, number>();
    this.#given.set(key, given);
    const ports = new Map<number, number>();
    const findings: Finding[] = [];
    for (const port of portsOf(gateway)) {
      const found = await this.#portOf(gateway, port, { given, own: new Set(ports.values()) });
      if (typeof found === 'number') ports.set(port, found);
      else findings.push(found);
    }
    for (const [port, bound] of ports) given.set(port, bound);
    if (findings.length === 0) this.#used.set(key, ports);
    return { ports, findings };
  }

  /** Somebody else took the port before Envoy did: the next `assign` tries it again. */
  lost({ ref }: Gateway, bound: number): void {
    const given = this.#given.get(keyOf(ref.namespace, ref.name));
    for (const [port, had] of given ?? []) if (had === bound) given?.delete(port);
  }

  release(gateway: ObjectKey): void {
    this.#given.delete(gateway);
    this.#used.delete(gateway);
  }

  async #portOf(gateway: Gateway, port: number, { given, own }: Taken): Promise<number | Finding> {
    const key = keyOf(gateway.ref.namespace, gateway.ref.name);
    const ownerOf = (bound: number) => {
      const other = [...this.#used].find(([name, ports]) => name !== key && [...ports.values()].includes(bound));
      if (other !== undefined) return `ApiGateway ${other[0]}`;
      return own.has(bound) ? 'another listener' : undefined;
    };
    const mapped = this.#mappings.findLast((one) => one.port === port && (one.gateway ?? key) === key)?.bound;
    const known = given.get(port);
    // Our own Envoy may hold it right now, so that it cannot be tried again.
    if (known !== undefined && ownerOf(known) === undefined) return known;
    const wanted = await this.#claim(mapped ?? port, ownerOf);
    if (wanted.free) return wanted.port;
    if (wanted.code !== 'EACCES' || mapped !== undefined) return portFinding(gateway, port, this.#why(wanted));
    const raised = await this.#claim(port + unprivilegedOffset, ownerOf);
    if (raised.free) return raised.port;
    return portFinding(gateway, port, `port ${port} needs rights that this user lacks, and ${this.#why(raised)}`);
  }

  /** Tries a port that none of our own listeners has. */
  async #claim(port: number, ownerOf: (port: number) => string | undefined): Promise<Claim> {
    for (;;) {
      const owner = ownerOf(port);
      if (owner !== undefined) return { free: false, port, code: 'ours', owner };
      const tried = await this.#probe(this.#address, port);
      if (!tried.free) return { ...tried, port };
      // Any free one may be one that was given away and is not bound yet.
      if (ownerOf(tried.port) === undefined) return tried;
    }
  }

  #why({ port, code, owner }: Refused): string {
    if (owner !== undefined) return `port ${port} is already that of ${owner}`;
    if (code === 'EADDRINUSE') return `port ${port} is in use by another program`;
    if (code === 'EACCES') return `port ${port} needs rights that this user lacks`;
    if (code === 'EADDRNOTAVAIL') return `${this.#address} is no address of this machine`;
    return `port ${port} of ${this.#address} cannot be bound (${code})`;
  }
}

type Claim = { readonly free: true; readonly port: number } | Refused;

interface Refused {
  readonly free: false;
  readonly port: number;
  readonly code: string;
  /** Who of us has it. */
  readonly owner?: string;
}

function portsOf({ chains }: Gateway): readonly number[] {
  return [...new Set(chains.map(({ port }) => port))].toSorted((a, b) => a - b);
}

interface Taken {
  readonly given: ReadonlyMap<number, number>;
  /** Of the same gateway. */
  readonly own: ReadonlySet<number>;
}

export function portFinding({ ref, listeners }: Gateway, port: number, why: string): Finding {
  const index = listeners.findIndex((listener) => listener.port === port && listener.served);
  const name = listeners[index]?.name ?? '';
  return {
    about: ref,
    severity: 'error',
    reason: 'Conflicted',
    at: `spec.listeners[${Math.max(index, 0)}].port`,
    message: `listener ${name} of ${describeRef(ref)} cannot open its port ${port}: ${why}`,
    remedy: `Free the port, or choose another one with --port-map ${keyOf(ref.namespace, ref.name)}:${port}=FREE_PORT`,
  };
}
