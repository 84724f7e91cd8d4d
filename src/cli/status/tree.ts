/** What is in a cluster, as a tree: fleets, listeners, Routes and their rules, and what stands in the way of each. Pure. */
import type { Standing } from '../../delivery/configmap.ts';
import { noAccess } from '../../features/secret-access.ts';
import type { Gateway, Listener, RouteEntry } from '../../ir/gateway.ts';
import {
  type Condition,
  describeRef,
  type KubeObject,
  keyOf,
  type ObjectKey,
  type ObjectRef,
  refOf,
} from '../../kube/object.ts';
import type { Pod } from '../../kube/pod.ts';
import type { Snapshot } from '../../kube/snapshot.ts';
import { podTroubles } from '../../reconcilers/pods.ts';
import type { Resolution } from '../../resolve/resolve.ts';
import { ruleNode, ruleNodes, type StatusNode, uniqueMatches, words } from './rules.ts';

export type { StatusNode } from './rules.ts';

export interface Fleet {
  readonly pods: readonly Pod[];
  /** Undefined where it could not be read. */
  readonly standing: Standing | undefined;
}

export interface StatusWorld {
  readonly snapshot: Snapshot;
  readonly resolution: Resolution;
  readonly fleets: ReadonlyMap<ObjectKey, Fleet>;
}

interface WithStatus extends KubeObject {
  readonly status?: {
    readonly observedGeneration?: number;
    readonly conditions?: readonly Condition[];
    readonly target?: string;
    readonly limits?: string;
    readonly revision?: string;
    readonly addresses?: readonly { readonly value: string }[];
    readonly listeners?: readonly { readonly name: string; readonly conditions?: readonly Condition[] }[];
  };
}

type Readiness = Pick<StatusNode, 'ready' | 'troubles'>;

/** Of an object as the operator has reported it; a report on an older spec is none. */
export function readiness(object: KubeObject, className: string): Readiness {
  const { status = {}, metadata } = object as WithStatus;
  const ready = status.conditions?.find(({ type }) => type === 'Ready');
  if (ready === undefined || status.observedGeneration !== metadata.generation) {
    const look = 'see whether one runs: kubectl get pods -A -l app.kubernetes.io/name=evengate';
    return {
      ready: 'Unknown',
      troubles: [`No operator of class ${className} has reported on what is written now; ${look}`],
    };
  }
  if (ready.status !== 'True') return { ready: ready.status, troubles: ready.message.split('\n') };
  // Ready does not wait for it.
  const lacking = status.conditions?.filter(
    ({ type, status: is, reason }) => type === 'MeshEnforced' && is !== 'True' && reason !== 'Shadow',
  );
  return { ready: 'True', troubles: (lacking ?? []).flatMap(({ message }) => message.split('\n')) };
}

/** With what was found now and is not reported: the operator may not read every Secret, or has not come to it. */
function found(
  object: KubeObject,
  className: string,
  { resolution }: StatusWorld,
  below: readonly StatusNode[],
): Readiness {
  const reported = readiness(object, className);
  const said = [...reported.troubles, ...below.flatMap(({ troubles }) => troubles)];
  const about = refOf(object);
  const more = resolution.findings.filter(
    (one) =>
      one.severity === 'error' &&
      describeRef(one.about) === describeRef(about) &&
      // What we may not read is no mistake of anybody's.
      !one.message.endsWith(noAccess) &&
      !said.some((text) => text.includes(one.message)),
  );
  const sentences = more.map(({ at, message, remedy }) => `${at === '' ? '' : `${at}: `}${message}. ${remedy}.`);
  return { ready: reported.ready, troubles: [...reported.troubles, ...sentences] };
}

/** Without a resolution there is no gateway: another operator's, or one that cannot be read. */
export function gatewayNode(key: ObjectKey, object: KubeObject, world: StatusWorld): StatusNode {
  const gateway = world.resolution.gateways.get(key);
  const unit = world.resolution.gatewayUnits.get(key);
  const { status = {} } = object as WithStatus;
  const fleet = world.fleets.get(key);
  const own = unit?.className ?? world.resolution.className;
  const addresses = (status.addresses ?? []).map(({ value }) => value).join(', ');
  const foreign = own === world.resolution.className ? '' : `class ${own} (--class ${own} shows what is attached)`;
  const children = [
    ...podNodes(fleet),
    ...(gateway === undefined ? [] : listenerNodes(key, gateway, { object, world })),
  ];
  return {
    kind: 'ApiGateway',
    name: key,
    ...found(object, own, world, children),
    about: words(foreign, addresses, status.revision && `revision ${status.revision}`),
    children,
  };
}

function podNodes(fleet: Fleet | undefined): readonly StatusNode[] {
  const { pods = [], standing } = fleet ?? {};
  return pods.map((pod): StatusNode => {
    const envoy = standing?.envoys.find((one) => one.pod.name === pod.metadata.name);
    const behind = standing !== undefined && (envoy?.behind ?? 0) > 0 && envoy?.silent === undefined;
    const troubles = podTroubles([pod]).map((trouble) => `${trouble.replace(/^Pod \S+: /, '')}`);
    const ready = pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
    const leaving = pod.metadata.deletionTimestamp !== undefined;
    return {
      kind: 'Pod',
      name: pod.metadata.name,
      ready: ready && !leaving && !behind ? 'True' : leaving ? 'Unknown' : 'False',
      about: leaving ? 'is ending' : envoyWords(envoy, standing),
      troubles: leaving ? [] : troubles,
      children: [],
    };
  });
}

function envoyWords(envoy: Standing['envoys'][number] | undefined, standing: Standing | undefined): string {
  if (envoy === undefined || standing === undefined) return '';
  if (envoy.silent !== undefined) return 'does not say what it serves';
  const has = envoy.acknowledged === undefined ? 'no whole revision' : `revision ${envoy.acknowledged}`;
  if (envoy.behind === 0) return `serves ${has}`;
  return `serves ${has}, wanted is ${standing.wanted}: ${envoy.behind} of its files ${envoy.behind === 1 ? 'is another' : 'are others'}`;
}

interface Around {
  readonly object: KubeObject;
  readonly world: StatusWorld;
}

function listenerNodes(key: ObjectKey, gateway: Gateway, { object, world }: Around): readonly StatusNode[] {
  const shown = new Set<ObjectKey>();
  return gateway.listeners.map((listener): StatusNode => {
    const routes = [...world.resolution.routes]
      .filter(([, unit]) => unit.placements.some((one) => one.gateway === key && one.listener === listener.name))
      .toSorted(([a], [b]) => (a < b ? -1 : 1));
    const children = routes.map(([routeKey]) => {
      const again = shown.has(routeKey);
      shown.add(routeKey);
      return routeNode(routeKey, world, { gateway: key, listener: listener.name, again });
    });
    const { name, protocol, port, hostname = '' } = listener;
    return {
      kind: 'Listener',
      name,
      ...listenerReadiness(object, listener),
      about: words(`${protocol} ${port}`, hostname),
      children,
    };
  });
}

function listenerReadiness(object: KubeObject, { name }: Listener): Readiness {
  const { status = {}, metadata } = object as WithStatus;
  const conditions = status.listeners?.find((one) => one.name === name)?.conditions;
  if (conditions === undefined || status.observedGeneration !== metadata.generation)
    return { ready: 'Unknown', troubles: [] };
  const bad = conditions.filter((one) => one.status !== 'True');
  const worst = bad.find((one) => one.status === 'False') ?? bad[0];
  const own = bad.filter(({ type }) => type !== 'Programmed').flatMap(({ message }) => message.split('\n'));
  return { ready: worst?.status ?? 'True', troubles: own };
}

export interface Place {
  readonly gateway: ObjectKey;
  readonly listener: string;
  /** Its rules were shown before. */
  readonly again: boolean;
}

/** At one listener; wherever it is attached when `place` is absent. */
export function routeNode(key: ObjectKey, world: StatusWorld, place?: Place): StatusNode {
  const { snapshot, resolution } = world;
  const object = snapshot.Route.get(key);
  const unit = resolution.routes.get(key);
  const placements = (unit?.placements ?? []).filter(
    (one) => place === undefined || (one.gateway === place.gateway && one.listener === place.listener),
  );
  const [first] = placements;
  const children = first === undefined || place?.again === true ? [] : ruleNodes(first.entries);
  const own = object === undefined ? undefined : found(object, resolution.className, world, children);
  const below = children.flatMap(({ troubles }) => troubles);
  const at = [...new Set(placements.map((one) => `ApiGateway ${one.gateway}`))].join(', ');
  const hosts = [...new Set(placements.flatMap((one) => one.hosts))].join(', ');
  return {
    kind: 'Route',
    name: key,
    ready: own?.ready ?? 'Unknown',
    about: words(hosts, place === undefined ? at : '', place?.again === true ? 'rules above' : ''),
    // What a rule says of itself need not be said twice.
    troubles:
      place?.again === true ? [] : (own?.troubles ?? []).filter((line) => !below.some((one) => line.includes(one))),
    children,
  };
}

/** With the rules that it stops; with all that it is about when `whole`. */
export function policyNode(
  kind: 'AuthPolicy' | 'RateLimitPolicy',
  key: ObjectKey,
  { world, whole }: { readonly world: StatusWorld; readonly whole: boolean },
): StatusNode {
  const { snapshot, resolution } = world;
  const object = snapshot[kind].get(key);
  const { status = {} } = (object ?? {}) as WithStatus;
  const report = object === undefined ? undefined : found(object, resolution.className, world, []);
  const entries = [...resolution.routes.values()].flatMap(({ placements }) => placements.flatMap((one) => one.entries));
  const own = entries.filter((entry) => isBlockedBy(entry, kind, key) || (whole && concerns(entry, kind, key)));
  const rules = Map.groupBy(own, ({ rule }) => `${keyOf(rule.route.namespace, rule.route.name)} ${rule.name}`);
  return {
    kind,
    name: key,
    ready: report?.ready ?? 'Unknown',
    about: words(status.target && `for ${status.target}`, status.limits),
    troubles: report?.troubles ?? [],
    children: [...rules].flatMap(([name, all]) =>
      all[0] === undefined ? [] : [{ ...ruleNode(all[0], uniqueMatches(all)), name }],
    ),
  };
}

function isBlockedBy({ guard }: RouteEntry, kind: string, key: ObjectKey): boolean {
  return guard.kind === 'blocked' && isRef(guard.because.about, kind, key);
}

function concerns({ guard, limits }: RouteEntry, kind: string, key: ObjectKey): boolean {
  return [...policiesOf(guard), ...limits.map(({ policy }) => policy)].some((ref) => isRef(ref, kind, key));
}

function policiesOf(guard: RouteEntry['guard']): readonly ObjectRef[] {
  if (guard.kind === 'blocked') return [];
  return [...guard.policies, ...(guard.shadow?.policies ?? []), ...(guard.uncounted ?? []).map(({ about }) => about)];
}

function isRef(ref: ObjectRef, kind: string, key: ObjectKey): boolean {
  return ref.kind === kind && keyOf(ref.namespace, ref.name) === key;
}

/** Also what is below it. */
export function isReadyThroughout({ ready, children }: StatusNode): boolean {
  return ready === 'True' && children.every((child) => child.kind === 'Pod' || isReadyThroughout(child));
}
