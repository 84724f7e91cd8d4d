/** What the mesh enforces behind the gateways: workload by workload, and again only those that a change concerns. */
import type { Gateway } from '../../ir/gateway.ts';
import type { Policy } from '../../ir/guard.ts';
import { type Mesh, type MeshReport, type MeshSettings, noMesh } from '../../ir/mesh.ts';
import type { AuthorizationPolicy, PeerAuthentication } from '../../istio/security.ts';
import { type KubeObject, keyOf, type ObjectKey } from '../../kube/object.ts';
import type { Snapshot } from '../../kube/snapshot.ts';
import { changedKeys, memoise, rememberLast, sameMembers } from '../memo.ts';
import { replaced } from '../patched.ts';
import type { TargetIndex } from '../policy-index.ts';
import { isOurs } from './others.ts';
import { outcome } from './outcome.ts';
import { podsByNamespace } from './pods.ts';
import { reachOf } from './reach.ts';
import { rivalsOf } from './rivals.ts';
import { type Seed, seedsOf } from './seeds.ts';
import { uncountedBeside } from './uncounted.ts';
import { type Unselectable, unselectable } from './unselectable.ts';
import { resolveWorkload, type WorkloadUnit } from './workload.ts';
import type { MeshWorld } from './world.ts';

export interface MeshInput {
  readonly gateways: ReadonlyMap<ObjectKey, Gateway>;
  /** Classes of the gateways in a mesh that are other operators'. */
  readonly rivals: ReadonlyMap<ObjectKey, string>;
  readonly snapshot: Pick<Snapshot, 'Service' | 'Pod' | 'Route' | 'AuthorizationPolicy' | 'PeerAuthentication'>;
  readonly authOn: TargetIndex<Policy>;
}

/** Remembers from call to call: a workload of which nothing changed is the same object. */
export function meshStage(className: string): (input: MeshInput) => Mesh {
  let remembering = freshStage(className);
  return (input) => {
    if ([...input.gateways.values()].some(({ mesh }) => mesh !== undefined)) return remembering(input);
    remembering = freshStage(className);
    return noMesh;
  };
}

function freshStage(className: string): (input: MeshInput) => Mesh {
  const worldOf = worlds(className);
  const seeds = seedsOf();
  const units = memoise<Seed, MeshWorld, WorkloadUnit>(resolveWorkload);
  const policiesOf = onServices();
  const wantedOf = wantedServices();
  const unselected = rememberLast(unselectable);
  const uncounted = rememberLast(uncountedBeside);
  const beside = rememberLast((one: Unselectable, more: readonly MeshReport[]) =>
    more.length === 0 ? one : { ...one, reports: [...one.reports, ...more] },
  );
  const outcomeOf = outcome();
  return (input) => {
    const world = worldOf(input);
    const { reach, authOn, Service, settings } = world;
    const { enforced, counted } = policiesOf(authOn);
    const services = wantedOf(reach, enforced, Service);
    const sown = seeds(services, Service, world.pods);
    const unheard = uncounted(sown, counted, Service, settings);
    return outcomeOf(units(sown, world), beside(unselected(services, reach, authOn, Service, settings), unheard));
  };
}

/** AuthPolicies on Services; each collection the same while it holds the same. */
interface OnServices {
  /** Services that one in force targets. */
  readonly enforced: ReadonlySet<ObjectKey>;
  /** Targets of those in mode Shadow. */
  readonly counted: MeshWorld['authOn'];
}

function onServices(): (authOn: MeshWorld['authOn']) => OnServices {
  let last: MeshWorld['authOn'] = new Map();
  let enforced: ReadonlySet<ObjectKey> = new Set();
  let counted: MeshWorld['authOn'] = new Map();
  return (authOn) => {
    const targets = changedKeys(last, authOn).filter((target) => target.startsWith(onService));
    const has = (mode: Policy['mode']) => (target: string) =>
      authOn.get(target)?.some(({ policy }) => policy.mode === mode) === true;
    const [come, gone] = [targets.filter(has('Enforce')), targets.filter((target) => !has('Enforce')(target))];
    enforced = withMembers(enforced, come.map(serviceOf), gone.map(serviceOf));
    const shadows = targets.filter((target) => counted.has(target) || has('Shadow')(target));
    if (shadows.length > 0) {
      counted = replaced(
        counted,
        new Map(shadows.map((target) => [target, has('Shadow')(target) ? authOn.get(target) : undefined])),
      );
    }
    last = authOn;
    return { enforced, counted };
  };
}

const onService = 'Service ';

function serviceOf(target: string): ObjectKey {
  return target.slice(onService.length);
}

/** The same Set where it has those that come and none of those that go. */
function withMembers<T>(before: ReadonlySet<T>, come: readonly T[], gone: readonly T[]): ReadonlySet<T> {
  if (come.every((one) => before.has(one)) && !gone.some((one) => before.has(one))) return before;
  const next = new Set([...before, ...come]);
  for (const one of gone) next.delete(one);
  return next;
}

/** Services that a gateway in a mesh sends to, or that an AuthPolicy in force targets; the same Set while it holds the same. */
function wantedServices(): (
  reach: MeshWorld['reach'],
  enforced: OnServices['enforced'],
  services: MeshWorld['Service'],
) => ReadonlySet<ObjectKey> {
  let before: ReadonlySet<ObjectKey> = new Set();
  return rememberLast((reach, enforced, services) => {
    const next = new Set([...reach.keys(), ...enforced].filter((key) => services.has(key)));
    if (!sameMembers([...before], [...next])) before = next;
    return before;
  });
}

/** The collections that workloads look at, each the same while its content is. */
function worlds(className: string): (input: MeshInput) => MeshWorld {
  const reach = reachOf();
  const pods = podsByNamespace();
  const foreign = rememberLast((all: Snapshot['AuthorizationPolicy']) =>
    byNamespace([...all.values()].filter((one): one is AuthorizationPolicy => !isOurs(one))),
  );
  const peers = rememberLast((all: Snapshot['PeerAuthentication']) =>
    byNamespace([...all.values()] as PeerAuthentication[]),
  );
  const rivals = rememberLast(rivalsOf);
  const inMesh = sameEntries<Gateway>();
  const settings = sameEntries<MeshSettings>();
  const plain = sameLists<ObjectKey>();
  const edges = sameLists<string>();
  const own = new Map([['', [className]]]);
  return ({ gateways, rivals: others, snapshot, authOn }) => {
    const meshed = inMesh([...gateways].filter(([, { mesh }]) => mesh !== undefined));
    const known = settings(
      [...meshed].flatMap(([key, { mesh }]) => (mesh === undefined ? [] : [[key, mesh] as const])),
    );
    const identities = [...known.values()].map(({ identity }) => identity).toSorted();
    return {
      reach: reach(meshed),
      settings: known,
      edges: edges([['', identities]]),
      className: own,
      plain: plain(plainReach(gateways)),
      rivals: rivals(snapshot.Route, others),
      Service: snapshot.Service,
      authOn,
      pods: pods(snapshot.Pod),
      foreign: foreign(snapshot.AuthorizationPolicy),
      peers: peers(snapshot.PeerAuthentication),
    };
  };
}

function plainReach(gateways: ReadonlyMap<ObjectKey, Gateway>): Iterable<readonly [ObjectKey, readonly ObjectKey[]]> {
  const reach = new Map<ObjectKey, Set<ObjectKey>>();
  for (const [key, { mesh, chains }] of gateways) {
    if (mesh !== undefined) continue;
    for (const { namespace, service } of chains.flatMap(({ uses }) => uses.backends)) {
      const at = keyOf(namespace, service);
      reach.set(at, (reach.get(at) ?? new Set()).add(key));
    }
  }
  return [...reach].map(([service, keys]) => [service, [...keys].toSorted()] as const);
}

function byNamespace<T extends KubeObject>(objects: readonly T[]): ReadonlyMap<string, readonly T[]> {
  return Map.groupBy(objects, ({ metadata }) => metadata.namespace ?? 'default');
}

/** The same Map while it holds the same values. */
function sameEntries<V>(): (entries: Iterable<readonly [ObjectKey, V]>) => ReadonlyMap<ObjectKey, V> {
  let before: ReadonlyMap<ObjectKey, V> = new Map();
  return (entries) => {
    const next = new Map(entries);
    const same = next.size === before.size && [...next].every(([key, value]) => before.get(key) === value);
    before = same ? before : next;
    return before;
  };
}

/** … and the same lists while they have the same members. */
function sameLists<T>(): (
  entries: Iterable<readonly [ObjectKey, readonly T[]]>,
) => ReadonlyMap<ObjectKey, readonly T[]> {
  const same = sameEntries<readonly T[]>();
  let before: ReadonlyMap<ObjectKey, readonly T[]> = new Map();
  return (entries) => {
    before = same(
      [...entries].map(([key, list]) => {
        const old = before.get(key);
        return [key, old !== undefined && sameMembers(old, list) ? old : list] as const;
      }),
    );
    return before;
  };
}
