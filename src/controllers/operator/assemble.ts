/** What the operator consists of while it leads, put together. */
import { type ConfigMapDelivery, configMapDelivery } from '../../delivery/configmap.ts';
import type { Client } from '../../kube/client.ts';
import { type KubeObject, type ObjectKey, type ObjectRef, objectKey, refOf } from '../../kube/object.ts';
import { resources } from '../../kube/resources.ts';
import { childLabels, configMapNames, ownerReferences, toldLabel } from '../../render/names.ts';
import { Controller } from '../../runtime/controller.ts';
import { leadingClient } from '../../runtime/leading-client.ts';
import { Absences } from './absences.ts';
import { addressesOf } from './addresses.ts';
import type { Caches } from './caches.ts';
import { Children } from './children.ts';
import { Edges } from './edges.ts';
import { Fleets } from './fleets.ts';
import { listen } from './listen.ts';
import { Loop } from './loop.ts';
import type { Led } from './measures.ts';
import { type AssembledMesh, assembleMesh } from './mesh/assemble.ts';
import type { KeySource } from './mesh/world.ts';
import type { OperatorMeasures } from './metrics.ts';
import type { Named, OperatorOptions } from './options.ts';
import { timersOf } from './pace.ts';
import { Pods } from './pods.ts';
import { Undelivered } from './refusals.ts';
import { namespaceOf } from './secrets.ts';
import { Statuses } from './statuses.ts';
import { World } from './world.ts';

export interface AssembleOptions extends OperatorOptions {
  readonly caches: Caches;
  readonly named: Named;
  readonly measure: OperatorMeasures;
}

export interface Assembled {
  readonly loop: Loop;
  readonly edges: Edges;
  /** Each until it is stopped. */
  readonly runs: readonly Pick<Controller, 'run'>[];
  readonly unlisten: readonly (() => void)[];
  /** What there is to measure. */
  readonly led: Led;
}

export function assemble(options: AssembleOptions): Assembled {
  const { caches, named, className, measure } = options;
  const client = leadingClient(options.client, options.election);
  const pods = new Pods(caches.Pod);
  const children = childrenOf(options, client);
  const edges: Edges = edgesOf(options, { client, pods, mesh: () => mesh, loop: () => loop });
  const mesh: AssembledMesh = assembleMesh(options, { client, pods, edges: () => edges, loop: () => loop });
  const fleets = fleetsOf(options, { client, children, edges, loop: () => loop });
  const undelivered = new Undelivered(() => loop.told());
  const statuses = statusesOf(options, client, () => loop);
  const controllers = controllersOf(options, { edges, fleets, statuses, undelivered });
  const loop: Loop = new Loop({
    world: worldOf(options, mesh.keys, () => loop.changed()),
    timers: timersOf(options.clock),
    edges,
    fleets,
    statuses,
    undelivered,
    mesh,
    addresses: () => addressesOf(caches.own.ApiGateway.snapshot(), caches.children.Service),
    enqueue: {
      edge: (key) => controllers.edge.enqueue(key),
      fleet: (key) => controllers.fleet.enqueue(key),
      status: (key) => controllers.status.enqueue(key),
    },
    measured: measure.resolved,
    tracer: options.tracer,
  });
  const unlisten = [...listen({ caches, named, loop, edges, children, pods }), ...mesh.listen()];
  const led: Led = { className, own: caches.own, deployments: caches.children.Deployment, pods, loop, edges, mesh };
  return { loop, edges, runs: [...Object.values(controllers), ...mesh.runs], unlisten, led };
}

interface EdgeParts {
  readonly client: Client;
  readonly pods: Pods;
  readonly mesh: () => AssembledMesh;
  readonly loop: () => Loop;
}

function edgesOf(options: AssembleOptions, { client, pods, mesh, loop }: EdgeParts): Edges {
  const { caches, clock, measure, tracer } = options;
  return new Edges({
    clock,
    view: () => loop().view,
    pods,
    stored: (key) => caches.own.ApiGateway.get(key),
    open: (gateway) => openDelivery(gateway, options, { client, pods }),
    meshLeftMs: (key, gateway) => mesh().workloads.leftMs(key, gateway),
    onTold: () => loop().told(),
    measure,
    tracer,
  });
}

function worldOf(
  { caches, named, className, client, clock }: AssembleOptions,
  keys: KeySource,
  onKnown: () => void,
): World {
  const { own, Service, Namespace, ReferenceGrant, mesh } = caches;
  const isThere = async (service: ObjectKey) => {
    const [namespace = '', name = ''] = service.split('/');
    return (await client.get(resources.Service, { namespace, name })) !== undefined;
  };
  const absences = new Absences({ isThere, onKnown, clock });
  return new World({ ...own, Service, Namespace, ReferenceGrant, ...named, mesh, keys, absences }, className);
}

function childrenOf({ clock, caches, log }: AssembleOptions, client: Client): Children {
  return new Children({
    client,
    clock,
    caches: caches.children,
    told: caches.told,
    log: (level, message, fields) => log[level](message, fields),
  });
}

interface FleetParts {
  readonly client: Client;
  readonly children: Children;
  readonly edges: Edges;
  readonly loop: () => Loop;
}

function fleetsOf(
  { caches, className, image, agentImage, clock }: AssembleOptions,
  { client, children, edges, loop }: FleetParts,
): Fleets {
  return new Fleets({
    view: () => loop().view,
    stored: (key) => caches.own.ApiGateway.get(key),
    client,
    children,
    className,
    image,
    agentImage,
    inPlace: (key) => edges.inPlace(key),
    onFound: () => loop().told(),
    onLost: (key) => edges.forget(key),
    clock,
  });
}

function statusesOf({ caches, clock, instance, log }: AssembleOptions, client: Client, loop: () => Loop): Statuses {
  return new Statuses({
    client,
    caches: caches.own,
    world: () => loop().status,
    clock,
    instance,
    log: (level, message, fields) => log[level](message, fields),
  });
}

interface Working {
  readonly edges: Edges;
  readonly fleets: Fleets;
  readonly statuses: Statuses;
  readonly undelivered: Undelivered;
}

function refOfKey(key: ObjectKey): ObjectRef {
  const namespace = namespaceOf(key);
  return { kind: 'ApiGateway', namespace, name: key.slice(namespace.length + 1) };
}

/** Gateways wait for their own Envoys, and statuses for the API server alone. */
const gatewaysAtATime = 8;
const statusesAtATime = 16;
/** A refused child is tried again for as long as it takes, but not often. */
const calm = { baseMs: 200, maxMs: 60_000 };

function controllersOf(
  { clock, log, metrics, tracer }: AssembleOptions,
  { edges, fleets, statuses, undelivered }: Working,
) {
  const shared = { clock, log, metrics, tracer, kindOf: () => 'ApiGateway' };
  return {
    edge: new Controller({
      ...shared,
      name: 'edge',
      concurrency: gatewaysAtATime,
      backOff: calm,
      reconcile: async (key, { signal, attempt }) =>
        (await undelivered.watch(refOfKey(key), attempt, () => edges.reconcile(key, signal))) ?? {},
    }),
    fleet: new Controller({
      ...shared,
      name: 'fleet',
      concurrency: gatewaysAtATime,
      backOff: calm,
      reconcile: (key, trying) => fleets.reconcile(key, trying),
    }),
    status: new Controller({
      ...shared,
      name: 'status',
      concurrency: statusesAtATime,
      backOff: calm,
      kindOf: (key) => key.split(' ')[0] ?? '',
      reconcile: (key) => statuses.reconcile(key),
    }),
  };
}

function openDelivery(
  stored: KubeObject,
  { className, access, clock, log, tracer }: AssembleOptions,
  { client, pods }: { readonly client: Client; readonly pods: Pods },
): ConfigMapDelivery {
  const gateway = refOf(stored);
  const own = log.child({ logger: 'delivery', gateway: objectKey(stored) });
  return configMapDelivery({
    gateway,
    configMaps: configMapNames(gateway),
    metadata: {
      labels: { ...childLabels(gateway, className), [toldLabel]: 'true' },
      ownerReferences: ownerReferences(gateway, stored.metadata.uid ?? ''),
    },
    client,
    fleet: pods.fleet(gateway),
    access,
    clock,
    log: (level, line) => own[level](line),
    ...(tracer && { trace: (name, attributes, work) => tracer.span(name, { attributes }, work) }),
  });
}
