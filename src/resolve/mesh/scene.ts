/** One workload with all that concerns it, looked up and agreed upon. */
import type { Issuer, Policy } from '../../ir/guard.ts';
import type { ClosedPort, EnforcementPoint, MeshWorkload } from '../../ir/mesh.ts';
import type { Service } from '../../kube/core.ts';
import { keyOf, type ObjectKey } from '../../kube/object.ts';
import type { Pod } from '../../kube/pod.ts';
import type { Look } from '../memo.ts';
import type { Inside } from './east-west.ts';
import { sortPorts } from './merge.ts';
import { selects } from './pods.ts';
import { portsOf } from './ports.ts';
import type { Reached } from './reach.ts';
import type { Seed } from './seeds.ts';
import { type PortPolicies, policiesOnPort } from './service-policies.ts';
import { type Agreement, agree, pointOf } from './settings.ts';
import type { MeshWorld } from './world.ts';

export interface Scene {
  readonly seed: Seed;
  readonly settings: MeshWorkload['settings'];
  readonly point: EnforcementPoint;
  readonly ports: readonly ScenePort[];
  readonly doors: readonly Door[];
  readonly closed: readonly ClosedPort[];
  readonly issuers: readonly Issuer[];
  readonly inside: Inside;
  readonly pods: readonly Pod[];
  /** Gateways whose mode, trust domain or waypoint is not that of `settings`: their entries are no doors … */
  readonly denied: readonly ObjectKey[];
  /** … but these. */
  readonly shut: readonly Door[];
  /** No gateway reaches it. */
  readonly unreached: boolean;
}

/** A port of one of its Services. */
export interface ScenePort extends PortPolicies {
  readonly at: ClosedPort;
  /** Of `policies`, those in force that are on another Service, whose port leads to the same one. */
  readonly borrowed?: readonly Policy[];
}

/** An entry that sends to one of its Services, as seen from there. */
export interface Door {
  readonly reached: Reached;
  readonly service: string;
  readonly ports: readonly number[];
  /** Of the edge that it belongs to. */
  readonly identity: string;
  /** The Route is of the workload's namespace. */
  readonly own: boolean;
}

export type MeshLook = Look<MeshWorld>;

/** Undefined where no gateway of the class has part in a mesh. */
export function sceneOf(seed: Seed, look: MeshLook): Scene | undefined {
  const { namespace } = seed;
  const pods = (look.get('pods', namespace) ?? []).filter(({ metadata }) => selects(seed.selector, metadata.labels));
  const own = seed.services.map((service) => aboutOf(namespace, service, pods, look));
  const doors = own.flatMap((service) => service.doors);
  const gateways = [...new Set(doors.map(({ reached }) => reached.gateway))];
  const agreement = agreementOf(gateways, look);
  if (agreement === undefined) return undefined;
  const { settings, denied } = agreement;
  const point = pointOf(settings);
  const single = own.flatMap((service) => service.ports);
  const ports = point === 'waypoint' ? single : single.map((port) => sharing(port, single));
  const issuers = point === 'ztunnel' ? [] : issuersOf(doors, ports);
  return {
    seed,
    settings,
    point,
    ports,
    doors: doors.filter(({ reached }) => !denied.includes(reached.gateway)),
    closed: closedOf([...own, ...seed.neighbours.map((service) => aboutOf(namespace, service, pods, look))]),
    issuers,
    inside: {
      layer4: point === 'ztunnel',
      trustDomain: settings.trustDomain,
      ambiguous: ambiguous(issuers),
      edges: look.get('edges', '') ?? [],
      trustsPaths: settings.normalises === true,
    },
    pods,
    denied,
    shut: doors.filter(({ reached }) => denied.includes(reached.gateway)),
    unreached: gateways.length === 0,
  };
}

function agreementOf(gateways: readonly ObjectKey[], look: MeshLook): Agreement | undefined {
  if (gateways.length === 0) return agree([...look.all('settings')]);
  return agree(
    gateways.flatMap((key) => {
      const settings = look.get('settings', key);
      return settings === undefined ? [] : [[key, settings] as const];
    }),
  );
}

/** Of one Service. */
interface About {
  readonly ports: readonly ScenePort[];
  readonly doors: readonly Door[];
  /** Ports that other operators' gateways close. */
  readonly rivals: readonly number[];
}

function aboutOf(namespace: string, service: string, pods: readonly Pod[], look: MeshLook): About {
  const rivals = look.get('rivals', keyOf(namespace, service)) ?? [];
  return {
    ports: servicePorts(namespace, service, pods, look),
    doors: doorsOf(namespace, service, look),
    rivals: rivals.flatMap(({ own, port }) => (own ? [port] : [])),
  };
}

function doorsOf(namespace: string, service: string, look: MeshLook): readonly Door[] {
  return (look.get('reach', keyOf(namespace, service)) ?? []).map((reached) => {
    const { rule } = reached.entry;
    const backends = rule.backends.filter((one) => one.namespace === namespace && one.service === service);
    return {
      reached,
      service,
      ports: [...new Set(backends.map(({ port }) => port))],
      identity: look.get('settings', reached.gateway)?.identity ?? '',
      own: rule.route.namespace === namespace,
    };
  });
}

function servicePorts(namespace: string, name: string, pods: readonly Pod[], look: MeshLook): readonly ScenePort[] {
  const service = look.get('Service', keyOf(namespace, name));
  if (service === undefined) return [];
  return portsOf(service, pods).map((at) => ({ at, ...policiesAt(service, namespace, at.port, look) }));
}

function policiesAt(service: Service, namespace: string, port: number, look: MeshLook): PortPolicies {
  return policiesOnPort(service, port, {
    service: look.get('authOn', `Service ${keyOf(namespace, service.metadata.name)}`) ?? [],
    namespace: look.get('authOn', `Namespace ${namespace}`) ?? [],
  });
}

/** Two Services may lead to one port of the same Pods, where nobody sees which was dialled: policies of the one bind both. */
function sharing(port: ScenePort, all: readonly ScenePort[]): ScenePort {
  const others = all.filter(
    ({ at }) => at !== port.at && at.targets.some((target) => port.at.targets.includes(target)),
  );
  if (others.length === 0) return port;
  const policies = new Set<Policy>([port, ...others].flatMap((one) => one.policies));
  const borrowed = [...policies].filter((policy) => policy.mode === 'Enforce' && !port.policies.includes(policy));
  return { ...port, borrowed, policies: [...policies], blocked: port.blocked || others.some(({ blocked }) => blocked) };
}

/**
 * What Routes and policies of its own namespace name. What is closed on Pods that another workload selects as well is closed
 * here, too: what is open here would be open there. So it is with what another operator's gateway reaches.
 */
function closedOf(services: readonly About[]): readonly ClosedPort[] {
  const all = services.flatMap(({ ports, doors, rivals }) => {
    const named = new Set([...doors.flatMap((door) => (door.own ? door.ports : [])), ...rivals]);
    return ports.filter((port) => port.named || named.has(port.at.port)).map(({ at }) => at);
  });
  return sortPorts(all);
}

/** Of the guards on the way, and no others: tokens that none of them knows are the workload's own affair. */
function issuersOf(doors: readonly Door[], ports: readonly ScenePort[]): readonly Issuer[] {
  const guards = doors.flatMap(({ reached: { entry } }) => (entry.guard.kind === 'guarded' ? entry.guard.issuers : []));
  const policies = ports.flatMap((port) => port.policies.filter(({ mode }) => mode === 'Enforce'));
  const all = [...guards, ...policies.flatMap(({ issuers }) => issuers)];
  const byId = new Map(all.map((issuer) => [issuer.id, issuer]));
  return [...byId.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

function ambiguous(issuers: readonly Issuer[]): ReadonlySet<string> {
  const groups = Map.groupBy(issuers, ({ issuer }) => issuer);
  return new Set([...groups.values()].filter(({ length }) => length > 1).flatMap((group) => group.map(({ id }) => id)));
}
