/** An operator in miniature on the whole of the runtime: for each Route a ConfigMap that repeats its spec. */
import type { KubeObject } from '../kube/object.ts';
import { objectKey } from '../kube/object.ts';
import { resources } from '../kube/resources.ts';
import { type KubeClient, kubeClient } from '../runtime/client.ts';
import { connectTo } from '../runtime/connection.ts';
import { Controller, type ReconcileContext } from '../runtime/controller.ts';
import { type Election, elect } from '../runtime/leader.ts';
import { leadingClient } from '../runtime/leading-client.ts';
import type { Log } from '../runtime/logger.ts';
import { Manager } from '../runtime/manager.ts';
import { createMetrics } from '../runtime/metrics.ts';
import { Reflector } from '../runtime/reflector.ts';
import type { FakeClock } from './fake-clock.ts';
import { type KubeApi, startKubeApi } from './kube-api/index.ts';
import { logLines } from './log-lines.ts';
import { SkippingClock } from './skipping-clock.ts';

export interface CopierOptions {
  /** A SkippingClock when absent. */
  readonly clock?: FakeClock;
  /** Competes for the Lease `copier` under this name. */
  readonly identity?: string;
  /** Awaited in each reconcile, between what it reads and what it writes. */
  readonly beforeWrite?: (key: string, context: ReconcileContext) => Promise<void> | void;
  /** Takes fields from other managers; true when absent. */
  readonly force?: boolean;
  readonly concurrency?: number;
}

export interface Copier {
  readonly clock: FakeClock;
  readonly client: KubeClient;
  readonly routes: Reflector<KubeObject>;
  readonly copies: Reflector<CopyObject>;
  readonly controller: Controller;
  readonly election: Election | undefined;
  /** Keys in the order in which their reconciles began, and ended. */
  readonly reconciled: readonly string[];
  readonly finished: readonly string[];
  readonly lines: readonly Readonly<Record<string, unknown>>[];
  /** `ended`, or why the manager failed. */
  readonly end: Promise<string>;
  stop(): void;
}

export interface CopyObject extends KubeObject {
  readonly data?: { readonly spec?: string };
}

export function startCopier(api: KubeApi, options: CopierOptions = {}): Copier {
  const { clock = new SkippingClock(), identity } = options;
  const connection = connectTo({ server: api.url, userAgent: `copier-${identity ?? 'only'}/1` });
  const client = kubeClient(connection, { fieldManager: 'copier', clock });
  const { log, lines } = logLines(clock);
  const lease = { client, namespace: 'copier', name: 'copier', clock, log };
  const election = identity === undefined ? undefined : elect({ ...lease, identity });
  const routes = new Reflector<KubeObject>({ client, clock, type: resources.Route, log });
  const copies = new Reflector<CopyObject>({ client, clock, type: resources.ConfigMap, labelSelector: 'copy', log });
  const writer = election === undefined ? client : leadingClient(client, election);
  const work = copyController({ ...options, clock, log, routes, copies, client: writer });
  const manager = new Manager({ clock, log, ...(election && { election }) });
  for (const [name, source] of Object.entries({ routes, copies })) {
    source.onChange((changes: readonly { readonly key: string }[]) => {
      for (const { key } of changes) work.controller.enqueue(key);
    });
    manager.add({ name, run: (stop) => source.run(stop), unsynced: () => (source.synced ? undefined : 'listing') });
  }
  const run = (stop: AbortSignal, cut: AbortSignal) => work.controller.run(stop, cut);
  manager.add({ name: 'copy', run, needsLeadership: true });
  const stopping = new AbortController();
  const end = manager
    .run(stopping.signal)
    .then(() => 'ended', String)
    .then(async (how) => {
      await connection.close();
      return how;
    });
  return { clock, client, routes, copies, ...work, election, lines, end, stop: () => stopping.abort() };
}

interface Work extends CopierOptions {
  readonly clock: FakeClock;
  readonly log: Log;
  readonly routes: Reflector<KubeObject>;
  readonly copies: Reflector<CopyObject>;
  readonly client: Writing['client'];
}

function copyController(work: Work): Pick<Copier, 'controller' | 'reconciled' | 'finished'> {
  const { clock, log, routes, copies, client, beforeWrite, force = true, concurrency = 2 } = work;
  const reconciled: string[] = [];
  const finished: string[] = [];
  const controller = new Controller({
    name: 'copy',
    concurrency,
    clock,
    log,
    metrics: createMetrics({ process: false }),
    async reconcile(key, context) {
      reconciled.push(key);
      try {
        const pair = { route: routes.get(key), copy: copies.get(key) };
        await beforeWrite?.(key, context);
        await copy(pair, { client, force, signal: context.signal });
      } finally {
        finished.push(key);
      }
      return {};
    },
  });
  return { controller, reconciled, finished };
}

interface Pair {
  readonly route: KubeObject | undefined;
  readonly copy: CopyObject | undefined;
}

interface Writing {
  readonly client: Pick<KubeClient, 'apply' | 'delete'>;
  readonly force: boolean;
  readonly signal: AbortSignal;
}

/** By uid, never by name alone; no write where all is as it should be. */
async function copy({ route, copy: known }: Pair, { client, force, signal }: Writing): Promise<void> {
  if (route === undefined) {
    const uid = known?.metadata.uid;
    if (known !== undefined && uid !== undefined)
      await client.delete(resources.ConfigMap, known.metadata, { uid, signal });
    return;
  }
  const spec = JSON.stringify(route.spec);
  const uid = route.metadata.uid ?? '';
  if (known?.data?.spec === spec && known.metadata.ownerReferences?.[0]?.uid === uid) return;
  const { namespace = '', name } = route.metadata;
  const owner = { apiVersion: route.apiVersion, kind: route.kind, name, uid, controller: true };
  const wanted = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { namespace, name, labels: { copy: 'true' }, ownerReferences: [owner] },
    data: { spec },
  };
  await client.apply(resources.ConfigMap, wanted, { force, signal });
}

export function route(name: string, spec: object = { port: 80 }): KubeObject {
  return { apiVersion: 'evengate.dev/v1alpha1', kind: 'Route', metadata: { name, namespace: 'shop' }, spec };
}

/** `a=80`: each copy with the port of the Route that it repeats; `!` where its owner is not the Route that is there. */
export function copiesOf(api: KubeApi): readonly string[] {
  return api.list<CopyObject>(resources.ConfigMap).map(({ metadata, data }) => {
    const { port } = JSON.parse(data?.spec ?? '{}') as { readonly port?: number };
    const owner = api.get(resources.Route, metadata.namespace ?? '', metadata.name)?.metadata.uid;
    return `${metadata.name}=${port}${metadata.ownerReferences?.[0]?.uid === owner ? '' : '!'}`;
  });
}

/** A server and a copier, ended with the scope. */
export interface Copying extends AsyncDisposable {
  readonly api: KubeApi;
  readonly copier: Copier;
  readonly clock: SkippingClock;
}

/** `prepare` acts before the copier starts. */
export async function copying(
  prepare: (api: KubeApi) => void = () => undefined,
  options: CopierOptions = {},
): Promise<Copying> {
  const clock = new SkippingClock();
  const api = await startKubeApi({ clock });
  prepare(api);
  const copier = startCopier(api, { clock, ...options });
  return {
    api,
    copier,
    clock,
    async [Symbol.asyncDispose]() {
      copier.stop();
      await copier.end;
      await api.stop();
    },
  };
}

/** As `copiesOf`, of the Routes: how it should end. */
export function routesOf(api: KubeApi): readonly string[] {
  return api
    .list(resources.Route)
    .map(({ metadata, spec }) => `${metadata.name}=${(spec as { readonly port?: number }).port}`);
}

/**
 * Resolves once the copies are what the Routes say, the caches what the server has, and everything was looked at once more
 * without a write.
 */
export async function settled(api: KubeApi, copier: Copier): Promise<void> {
  const equal = () => holdsAll(api, copier) && routesOf(api).join() === copiesOf(api).join();
  await api.until('copies and caches as the Routes are', equal);
  // Whatever was under way.
  await lookAgain(api, copier);
  await api.until('copies and caches as the Routes are, still', equal);
  const { length } = api.writes;
  await lookAgain(api, copier);
  if (api.writes.length > length) throw new Error(`wrote for nothing: ${JSON.stringify(api.writes.slice(length))}`);
}

/** At every key that ever was; resolves when each look is over. */
async function lookAgain(api: KubeApi, { controller, reconciled, finished }: Copier): Promise<void> {
  const keys = [...new Set(reconciled)];
  const [begun, ended] = [reconciled.length, finished.length];
  for (const key of keys) controller.enqueue(key);
  const all = (list: readonly string[], since: number) => new Set(list.slice(since)).size >= keys.length;
  await api.until(
    'another look',
    () => all(reconciled, begun) && all(finished, ended) && reconciled.length === finished.length,
  );
}

function holdsAll(api: KubeApi, { routes, copies }: Copier): boolean {
  return holds(routes, api.list(resources.Route)) && holds(copies, api.list(resources.ConfigMap));
}

function holds(
  reflector: Pick<Copier['routes'], 'size' | 'resourceVersionOf'>,
  objects: readonly KubeObject[],
): boolean {
  const known = ({ metadata }: KubeObject) =>
    reflector.resourceVersionOf(objectKey({ metadata })) === metadata.resourceVersion;
  return reflector.size === objects.length && objects.every(known);
}
