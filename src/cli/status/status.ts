/** `evengate status`: how everything in a cluster is doing, and who stands in the way of what. */
import { type ClusterReading, ClusterUnreadable, readCluster } from '../../controllers/manifests/cluster.ts';
import { edgePod } from '../../controllers/operator/pods.ts';
import { proxiedAccess, type Standing, standing } from '../../delivery/configmap.ts';
import { ApiError, type Client } from '../../kube/client.ts';
import { keyOf, type ObjectKey, type ObjectRef } from '../../kube/object.ts';
import type { Pod } from '../../kube/pod.ts';
import { resources } from '../../kube/resources.ts';
import { podSelector } from '../../render/names.ts';
import type { Resolution } from '../../resolve/resolve.ts';
import { KubeconfigError } from '../../runtime/kubeconfig.ts';
import { type ClusterOptions, type OpenCluster, openCluster } from '../cluster-options.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import { complain, showNotes, withProgress } from '../load.ts';
import { type ObjectName, readObjectName } from '../object-name.ts';
import { statusJson, statusText } from './report.ts';
import {
  type Fleet,
  gatewayNode,
  isReadyThroughout,
  policyNode,
  routeNode,
  type StatusNode,
  type StatusWorld,
} from './tree.ts';

export interface StatusOptions extends ClusterOptions {
  readonly output: 'text' | 'json';
}

/** `written` is `route/orders`; everything when absent. */
export async function status(written: string | undefined, options: StatusOptions, io: Io): Promise<ExitCode> {
  const wanted = written === undefined ? undefined : readObjectName(written);
  if (typeof wanted === 'string') return unusable(io, wanted);
  try {
    const cluster = await openCluster(options, io);
    try {
      const looking = look(cluster, options, wanted);
      return report(await withProgress(io, `reading ${cluster.server}`, looking), { options, cluster, wanted }, io);
    } finally {
      await cluster.close();
    }
  } catch (error) {
    if (error instanceof KubeconfigError || error instanceof ClusterUnreadable) return unusable(io, error.message);
    throw error;
  }
}

function unusable(io: Io, sentence: string): ExitCode {
  complain(io, sentence);
  return exitCodes.unusable;
}

/** What `status` shows. */
export interface Seen {
  readonly roots: readonly StatusNode[];
  readonly notes: readonly string[];
}

async function look(cluster: OpenCluster, options: ClusterOptions, wanted: ObjectName | undefined): Promise<Seen> {
  const { client, ownNamespace, namespace } = cluster;
  const reading = await readCluster(client, {
    namespaces: [ownNamespace],
    ...(namespace === undefined ? {} : { shown: namespace }),
    ...(options.class === undefined ? {} : { className: options.class }),
  });
  return await seen(reading, cluster, wanted);
}

/** Of what was read. */
export async function seen(
  { set, resolution, notes }: ClusterReading,
  cluster: OpenCluster,
  wanted?: ObjectName,
): Promise<Seen> {
  const { client, ownNamespace } = cluster;
  const isShown = (key: ObjectKey) => cluster.namespace === undefined || key.startsWith(`${cluster.namespace}/`);
  const wantedKey = wanted && (wanted.name.includes('/') ? wanted.name : keyOf(ownNamespace, wanted.name));
  const gateways = [...resolution.gatewayUnits.values()].filter(({ ref }) => {
    const key = keyOf(ref.namespace, ref.name);
    return wanted === undefined ? isShown(key) : wanted.kind === 'ApiGateway' && key === wantedKey;
  });
  const fleets = await fleetsOf(gateways, client);
  const world: StatusWorld = { snapshot: set.snapshot, resolution, fleets: fleets.all };
  const roots = wanted === undefined ? forest(world, isShown) : single(world, wanted.kind, wantedKey ?? '');
  return { roots, notes: [...notes, ...fleets.notes] };
}

async function fleetsOf(
  units: readonly { readonly ref: ObjectRef }[],
  client: Client,
): Promise<{ readonly all: ReadonlyMap<ObjectKey, Fleet>; readonly notes: readonly string[] }> {
  const notes = new Set<string>();
  const note = (error: unknown, what: string): undefined => {
    if (!(error instanceof ApiError)) throw error;
    notes.add(error.code === 403 ? `you may not ${what}` : `cannot ${what}: ${error.message.replace(/\.$/, '')}`);
  };
  const entries = await Promise.all(
    units.map(async ({ ref }): Promise<readonly [ObjectKey, Fleet]> => {
      const { namespace } = ref;
      const labelSelector = Object.entries(podSelector(ref))
        .map(([name, value]) => `${name}=${value}`)
        .join();
      const pods = await client.list<Pod>(resources.Pod, { namespace, labelSelector }).catch((error: unknown) => {
        note(error, `list pods in namespace ${namespace}: which Envoys run is not known`);
        return [];
      });
      const access = proxiedAccess(client);
      const found: Standing | undefined = await standing(ref, pods.map(edgePod), { client, access }).catch(
        (error: unknown) => note(error, `get configmaps in namespace ${namespace}: what Envoys are told is not known`),
      );
      const refused = found?.envoys.some(({ silent }) => silent instanceof ApiError && silent.code === 403) === true;
      if (refused)
        notes.add(`you may not get pods/proxy in namespace ${namespace}: what each Envoy serves is not known`);
      return [keyOf(namespace, ref.name), { pods: pods.toSorted(byName), standing: found }];
    }),
  );
  return { all: new Map(entries), notes: [...notes] };
}

function byName({ metadata: a }: Pod, { metadata: b }: Pod): number {
  return a.name < b.name ? -1 : 1;
}

/** ApiGateways with all that is attached to them; of Routes those that are not shown there, and policies. */
function forest(world: StatusWorld, isShown: (key: ObjectKey) => boolean): readonly StatusNode[] {
  const { snapshot, resolution } = world;
  const shown = (keys: Iterable<ObjectKey>) => [...keys].filter(isShown).toSorted();
  const gateways = shown(snapshot.ApiGateway.keys());
  const attached = new Set(gateways.flatMap((key) => routesAt(key, resolution)));
  return [
    ...gateways.flatMap((key) => {
      const object = snapshot.ApiGateway.get(key);
      return object === undefined ? [] : [gatewayNode(key, object, world)];
    }),
    ...shown(snapshot.Route.keys())
      .filter((key) => !attached.has(key))
      .map((key) => routeNode(key, world)),
    ...shown(snapshot.AuthPolicy.keys()).map((key) => policyNode('AuthPolicy', key, { world, whole: false })),
    ...shown(snapshot.RateLimitPolicy.keys()).map((key) => policyNode('RateLimitPolicy', key, { world, whole: false })),
  ];
}

function routesAt(gateway: ObjectKey, { routes }: Resolution): readonly ObjectKey[] {
  return [...routes].flatMap(([key, { placements }]) =>
    placements.some((one) => one.gateway === gateway) ? [key] : [],
  );
}

function single(world: StatusWorld, kind: ObjectName['kind'], key: ObjectKey): readonly StatusNode[] {
  const object = world.snapshot[kind].get(key);
  if (object === undefined)
    throw new ClusterUnreadable(`there is no ${kind} ${key}; evengate status -A shows what there is`);
  if (kind === 'ApiGateway') return [gatewayNode(key, object, world)];
  return [kind === 'Route' ? routeNode(key, world) : policyNode(kind, key, { world, whole: true })];
}

interface Asked {
  readonly options: StatusOptions;
  readonly cluster: OpenCluster;
  readonly wanted: ObjectName | undefined;
}

function report({ roots, notes }: Seen, { options, cluster }: Asked, io: Io): ExitCode {
  const ready = roots.every(isReadyThroughout);
  if (options.output === 'json') io.stdout.write(statusJson(roots, ready, notes));
  else if (roots.length === 0) {
    const where = cluster.namespace === undefined ? 'in the cluster' : `in namespace ${cluster.namespace}`;
    const elsewhere = cluster.namespace === undefined ? '' : '; -A shows all namespaces';
    io.stderr.write(`There is no ApiGateway, Route or policy ${where}${elsewhere}.\n`);
  } else io.stdout.write(statusText(roots, io.stdout));
  showNotes(io, notes);
  return ready ? exitCodes.done : exitCodes.findings;
}
