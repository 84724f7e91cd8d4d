/** What the operator writes for Istio while it leads, put together. */
import { ApiError, type Client } from '../../../kube/client.ts';
import { type ObjectKey, objectKey } from '../../../kube/object.ts';
import { Controller, type ControllerOptions } from '../../../runtime/controller.ts';
import type { Finding } from '../../../status/finding.ts';
import type { Caches } from '../caches.ts';
import type { Edges } from '../edges.ts';
import type { Loop } from '../loop.ts';
import type { OperatorMeasures } from '../metrics.ts';
import type { OperatorOptions } from '../options.ts';
import type { Pods } from '../pods.ts';
import { Enrolment } from './enrolment.ts';
import { KeyStore } from './key-store.ts';
import { Keys } from './keys.ts';
import { securityKinds } from './stored.ts';
import { Workloads } from './workloads.ts';

export interface MeshOptions extends OperatorOptions {
  readonly caches: Caches;
  readonly measure: OperatorMeasures;
}

export interface MeshParts {
  readonly client: Client;
  readonly pods: Pods;
  readonly edges: () => Edges;
  readonly loop: () => Loop;
}

export interface AssembledMesh {
  readonly keys: Keys;
  readonly workloads: Workloads;
  readonly runs: readonly Pick<Controller, 'run'>[];
  /** Looks at what is enrolled again. */
  readonly enrol: () => void;
  readonly findings: readonly Finding[];
  /** Returns how to stop. */
  readonly listen: () => readonly (() => void)[];
}

const workloadsAtATime = 8;
const calm = { baseMs: 200, maxMs: 60_000 };
/** What waits for istiod, whose webhook the API server asks about each write, waits no longer than so when it is back. */
const awayMs = 5000;
const bucket = { perSecond: 50, burst: 100 };

export function assembleMesh(options: MeshOptions, parts: MeshParts): AssembledMesh {
  const { caches, clock, log, version, measure, fetching } = options;
  const { loop, pods } = parts;
  const workloads: Workloads = workloadsOf(options, parts, (key) => controller.enqueue(key));
  const controller = controllerOf(options, 'mesh', workloads);
  const enrolment = enrolmentOf(options, parts, workloads);
  const own = log.child({ logger: 'mesh' });
  const store = keyStoreOf(options, parts);
  const keys = new Keys({
    clock,
    log: own,
    version,
    kept: store?.store,
    counted: measure.keysFetched,
    ...fetching,
  });
  const listen = () => {
    pods.onChange(() => workloads.moved());
    return [
      keys.onChange(() => loop().changed()),
      ...securityKinds.map((kind) => caches.mesh[kind].onState(() => workloads.all())),
      caches.Service.onChange((changes) => workloads.moved(changes.map(({ object }) => objectKey(object)))),
      () => workloads.close(),
    ];
  };
  const more = [store, enrolment].flatMap((one) => (one === undefined ? [] : [one.controller]));
  const runs = [controller, keys, ...more];
  return {
    keys,
    workloads,
    runs,
    enrol: () => enrolment?.changed(),
    get findings() {
      return enrolment?.findings() ?? [];
    },
    listen,
  };
}

/** Undefined where the operator may not. */
function enrolmentOf(options: MeshOptions, { client, loop }: MeshParts, workloads: Pick<Workloads, 'closes'>) {
  const { caches, className, clock, meshEnrolment = false } = options;
  if (!meshEnrolment) return undefined;
  const enrolment: Enrolment = new Enrolment({
    client,
    clock,
    className,
    caches: { Service: caches.Service, Namespace: caches.Namespace, Gateway: caches.mesh.Gateway },
    view: () => loop().view,
    isKept: (namespace) => workloads.closes(namespace),
    enqueue: (key) => controller.enqueue(key),
    onFound: () => loop().told(),
  });
  const controller = controllerOf(options, 'enrolment', enrolment);
  return { controller, changed: () => enrolment.changed(), findings: () => enrolment.findings };
}

/** Undefined where the operator has no place of its own. */
function keyStoreOf(options: MeshOptions, { client }: MeshParts) {
  const { className, clock, log, ownNamespace: namespace } = options;
  if (namespace === undefined) return undefined;
  const own = log.child({ logger: 'mesh' });
  const store: KeyStore = new KeyStore({
    client,
    clock,
    log: own,
    namespace,
    className,
    enqueue: (key) => controller.enqueue(key),
  });
  const controller = controllerOf(options, 'keys', {
    kind: 'ConfigMap',
    reconcile: (_, { signal }) => store.reconcile(signal),
  });
  return { store, controller };
}

function workloadsOf(
  { caches, className, clock, log, measure }: MeshOptions,
  { client, pods, edges, loop }: MeshParts,
  enqueue: (workload: ObjectKey) => void,
): Workloads {
  const own = log.child({ logger: 'mesh' });
  return new Workloads({
    client,
    clock,
    className,
    sources: caches.mesh,
    view: () => loop().view,
    served: () => edges().served,
    besides: (gateway) => edges().servedBesides(gateway),
    podsOf: ({ gateway }) => pods.of(gateway.ref),
    service: (key) => caches.Service.get(key),
    enqueue,
    onTold: () => loop().told(),
    counted: measure.meshWritten,
    log: (level, message, fields) => own[level](message, fields),
  });
}

function controllerOf(
  { clock, log, metrics, tracer }: MeshOptions,
  name: string,
  worker: { readonly kind?: string } & Pick<ControllerOptions, 'reconcile'>,
): Controller {
  return new Controller({
    clock,
    log,
    metrics,
    tracer,
    name,
    kindOf: () => worker.kind ?? 'Service',
    concurrency: workloadsAtATime,
    backOff: calm,
    longestBackOff: (error) => (isAway(error) ? awayMs : undefined),
    bucket,
    reconcile: (key, trying) => worker.reconcile(key, trying),
  });
}

/** The API server, or a webhook that it asks, did not answer or failed: no object is the reason. */
function isAway(error: unknown): boolean {
  return error instanceof ApiError && (error.code === 0 || error.code >= 500);
}
