/** The doors of two gateways, matched by what a client sees of them: port, TLS server name and host. */
import type { Chain, Gateway, Protocol, VirtualHost } from '../../ir/gateway.ts';
import type { ObjectKey } from '../../kube/object.ts';
import { anyHost, covers, ownerOf } from '../hosts.ts';
import type { Door } from './types.ts';

export interface DoorPair {
  readonly door: Door;
  readonly before: VirtualHost | undefined;
  readonly after: VirtualHost | undefined;
}

/** An HTTP port, or a TLS server name at a port; undefined chains do not listen. */
export interface ChainPair {
  readonly gateway: ObjectKey;
  readonly port: number;
  readonly protocol: Protocol;
  /** `*` takes clients that name no host, too. */
  readonly serverName: string;
  readonly before: Chain | undefined;
  readonly after: Chain | undefined;
}

export function chainPairs(
  gateway: ObjectKey,
  before: Gateway | undefined,
  after: Gateway | undefined,
): readonly ChainPair[] {
  const [old, now] = [before?.chains ?? [], after?.chains ?? []];
  const ports = new Map([...old, ...now].map(({ port, protocol }) => [`${protocol} ${port}`, { port, protocol }]));
  return [...ports.values()].flatMap(({ port, protocol }) => {
    const isHere = (chain: Chain) => chain.port === port && chain.protocol === protocol;
    const [mine, theirs] = [old.filter(isHere), now.filter(isHere)];
    return [...new Set([...mine, ...theirs].map(nameOf))].map((serverName) => ({
      gateway,
      port,
      protocol,
      serverName,
      before: ownerChain(mine, serverName),
      after: ownerChain(theirs, serverName),
    }));
  });
}

function nameOf({ serverName = anyHost }: Chain): string {
  return serverName;
}

function ownerChain(chains: readonly Chain[], serverName: string): Chain | undefined {
  const owner = ownerOf(serverName, chains.map(nameOf));
  return chains.find((chain) => nameOf(chain) === owner);
}

/** One for each host that either side knows: whoever is not named more closely falls to the same virtual host as it. */
export function doorPairs({ gateway, port, protocol, serverName, before, after }: ChainPair): readonly DoorPair[] {
  const [old, now] = [hostsOf(before), hostsOf(after)];
  return [...new Set([...old.keys(), ...now.keys()])]
    .filter((host) => covers(serverName, host))
    .map((host) => ({
      door: { gateway, port, protocol, host, ...(protocol === 'HTTPS' ? { serverName } : {}) },
      before: ownerHost(old, host),
      after: ownerHost(now, host),
    }));
}

function hostsOf(chain: Chain | undefined): ReadonlyMap<string, VirtualHost> {
  return new Map((chain?.virtualHosts ?? []).map((host) => [host.domain, host]));
}

/** Walks up the labels rather than over all hosts: there may be thousands. */
function ownerHost(hosts: ReadonlyMap<string, VirtualHost>, host: string): VirtualHost | undefined {
  const exact = hosts.get(host);
  if (exact !== undefined) return exact;
  const labels = host.replace(/^\*\./, '').split('.');
  const wide = labels.map((_, index) => `*.${labels.slice(index).join('.')}`).filter((one) => covers(one, host));
  for (const one of wide) {
    const found = hosts.get(one);
    if (found !== undefined) return found;
  }
  return hosts.get(anyHost);
}
