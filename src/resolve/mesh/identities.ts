/** Which Services an edge in mode Sidecar dials with the mesh's certificate, and who must answer for each. */
import type { Backend, Gateway } from '../../ir/gateway.ts';
import type { MeshSettings } from '../../ir/mesh.ts';
import type { Service } from '../../kube/core.ts';
import { keyOf, type ObjectKey } from '../../kube/object.ts';
import type { Pod } from '../../kube/pod.ts';
import type { Collection, Snapshot } from '../../kube/snapshot.ts';
import { rememberLast, sameMembers } from '../memo.ts';
import { mayServe, podProxy, serviceAccountOf } from './pod-proxy.ts';

type Gateways = ReadonlyMap<ObjectKey, Gateway>;
type World = Pick<Snapshot, 'Service' | 'Pod'>;

/** Remembers from call to call: a gateway whose Pods' proxies and service accounts are the same is the same object. */
export function withIdentities(): (gateways: Gateways, world: World) => Gateways {
  const made = new Map<ObjectKey, ReturnType<typeof oneGateway>>();
  const podsIn = podIndex();
  const peers = peersMemo();
  return rememberLastOf((gateways, services, all) => {
    for (const key of made.keys()) if (!gateways.has(key)) made.delete(key);
    if (![...gateways.values()].some(isSidecar)) return gateways;
    const pods = podsIn(all);
    return new Map(
      [...gateways].map(([key, gateway]) => {
        if (!isSidecar(gateway)) return [key, gateway];
        const one = made.get(key) ?? oneGateway(peers);
        made.set(key, one);
        return [key, one(gateway, services, pods)];
      }),
    );
  });
}

type Compute = (gateways: Gateways, services: Collection<Service>, pods: Collection<Pod>) => Gateways;

function rememberLastOf(compute: Compute): (gateways: Gateways, world: World) => Gateways {
  const remembered = rememberLast(compute);
  return (gateways, { Service, Pod }) => remembered(gateways, Service, Pod);
}

type InMesh = Gateway & { readonly mesh: MeshSettings };

function isSidecar(gateway: Gateway): gateway is InMesh {
  return gateway.mesh?.mode === 'Sidecar';
}

/** Of all that it sends to, also spans. */
function oneGateway(peers: PeersOf): (source: InMesh, services: Collection<Service>, pods: PodIndex) => Gateway {
  let before: { readonly source: Gateway; readonly gateway: Gateway } | undefined;
  const identities = rememberLast(
    (
      services: Collection<Service>,
      pods: PodIndex,
      mesh: MeshSettings,
      ...backends: readonly (Backend | readonly Backend[])[]
    ) => identitiesOf(backends.flat(), (service) => peers(services.get(service), pods, mesh)),
  );
  return (source, services, pods) => {
    const { chains, telemetry, mesh } = source;
    const spans = telemetry.tracing ? [telemetry.tracing.backend] : [];
    const found = identities(services, pods, mesh, ...chains.map(({ uses }) => uses.backends), ...spans);
    const old = before?.gateway.identities;
    const kept = old !== undefined && sameIdentities(old, found) ? old : found;
    if (before?.source !== source || kept !== old) before = { source, gateway: { ...source, identities: kept } };
    return before.gateway;
  };
}

type Identities = ReadonlyMap<ObjectKey, readonly string[]>;

function sameIdentities(a: Identities, b: Identities): boolean {
  return a.size === b.size && [...a].every(([key, own]) => sameMembers(own, b.get(key) ?? [undefined]));
}

function identitiesOf(
  backends: readonly Backend[],
  peersOf: (service: ObjectKey) => readonly string[] | undefined,
): Identities {
  const keys = new Set(backends.map(({ namespace, service }) => keyOf(namespace, service)));
  return new Map(
    [...keys].toSorted().flatMap((key) => {
      const peers = peersOf(key);
      return peers === undefined ? [] : [[key, peers] as const];
    }),
  );
}

/**
 * Every Pod has a proxy: TLS. None has: plaintext, and so while some have and all of them take it. But where policies are
 * enforced, those with a proxy admit nobody without a certificate, and then nothing is sent in clear text to the others.
 */
function peersOf(pods: readonly Pod[], { enforcement, trustDomain }: MeshSettings): readonly string[] | undefined {
  const behind = pods.filter((pod) => podProxy(pod) === 'sidecar');
  const mixed = behind.length < pods.length;
  if (mixed && !(enforcement === 'Enforce' && behind.some(isRunning))) return undefined;
  const accounts = behind.map((pod) => serviceAccountOf(pod).split('/'));
  return [...new Set(accounts.map(([namespace, name]) => `${trustDomain}/ns/${namespace}/sa/${name}`))].toSorted();
}

/** It may be Ready. Whether it is changes often, and is not watched. */
function isRunning({ metadata, status }: Pod): boolean {
  return metadata.deletionTimestamp === undefined && status?.phase === 'Running';
}

type PeersOf = (service: Service | undefined, pods: PodIndex, mesh: MeshSettings) => readonly string[] | undefined;

function peersMemo(): PeersOf {
  const known = new WeakMap<
    Service,
    { readonly pods: NamespacePods; readonly mesh: MeshSettings; readonly peers: readonly string[] | undefined }
  >();
  return (service, index, mesh) => {
    const selector = Object.entries(service?.spec?.selector ?? {});
    if (service === undefined || selector.length === 0 || service.spec?.type === 'ExternalName') return undefined;
    const pods = index.get(service.metadata.namespace ?? 'default') ?? noPods;
    const before = known.get(service);
    if (before?.pods === pods && before.mesh === mesh) return before.peers;
    const peers = peersOf(selected(pods, selector), mesh);
    known.set(service, { pods, mesh, peers });
    return peers;
  };
}

interface NamespacePods {
  readonly all: readonly Pod[];
  readonly byLabel: ReadonlyMap<string, readonly Pod[]>;
}

type PodIndex = ReadonlyMap<string, NamespacePods>;

const noPods: NamespacePods = { all: [], byLabel: new Map() };

/** By namespace; what holds the same Pods is the same object. */
function podIndex(): (pods: Collection<Pod>) => PodIndex {
  let before: PodIndex = new Map();
  return rememberLast((pods) => {
    const byNamespace = Map.groupBy(
      [...pods.values()].filter(mayServe),
      ({ metadata }) => metadata.namespace ?? 'default',
    );
    before = new Map([...byNamespace].map(([namespace, all]) => [namespace, indexed(before.get(namespace), all)]));
    return before;
  });
}

function indexed(before: NamespacePods | undefined, all: readonly Pod[]): NamespacePods {
  if (before !== undefined && sameMembers(before.all, all)) return before;
  const labelled = all.flatMap((pod) =>
    Object.entries(pod.metadata.labels ?? {}).map((label) => ({ label: labelKey(label), pod })),
  );
  const groups = Map.groupBy(labelled, ({ label }) => label);
  return { all, byLabel: new Map([...groups].map(([label, own]) => [label, own.map(({ pod }) => pod)])) };
}

function labelKey([key, value]: readonly [string, string]): string {
  return `${key}=${value}`;
}

function selected({ byLabel }: NamespacePods, selector: readonly (readonly [string, string])[]): readonly Pod[] {
  const lists = selector.map((label) => byLabel.get(labelKey(label)) ?? []);
  const [rarest = []] = lists.toSorted((a, b) => a.length - b.length);
  return rarest.filter(({ metadata }) => selector.every(([key, value]) => metadata.labels?.[key] === value));
}
