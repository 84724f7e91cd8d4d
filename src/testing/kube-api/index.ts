/** An API server for tests: real HTTP, Kubernetes' semantics, and faults at a test's command. No admission, no defaults of built-in kinds. */
import { stringify } from 'yaml';
import type { ResourceType } from '../../kube/client.ts';
import { type Clock, systemClock } from '../../runtime/clock.ts';
import { type DirectAccess, directAccess } from './direct.ts';
import { dump } from './dump.ts';
import { Faults } from './faults.ts';
import { type Handling, handle, type PlainAnswer } from './handler.ts';
import type { Json } from './json.ts';
import { startListener } from './listener.ts';
import { Log, type WriteRecord } from './log.ts';
import { Registry } from './registry.ts';
import type { ApiRequest, Attributes, RawRequest } from './request.ts';
import { type Change, Store, type StoreListener } from './store.ts';
import { ServedTypes, typeId, usualTypes } from './types.ts';
import { waiting } from './waiting.ts';
import type { WatchStream } from './watch.ts';
import type { World } from './world.ts';

export interface KubeApiOptions {
  /** Of timestamps, watch timeouts and delays. */
  readonly clock?: Clock;
  /** `usualTypes` when absent. */
  readonly types?: readonly ResourceType[];
  /** Everything is allowed when absent. */
  readonly authorize?: (attributes: Attributes) => boolean;
  /** More than every server checks; `kindRefusals` judges our four kinds by their CRDs. */
  readonly validate?: World['validate'];
  /** A namespace that was never there is created with its first object unless this is set. */
  readonly strictNamespaces?: boolean;
  /** Dependents wait for `collectGarbage` when false. */
  readonly garbageCollection?: boolean;
  /** RFC 3339: a Pod that is deleted stays, as ending then, until its kubelet takes `kubeletFinalizer` off. Pods go at once when absent. */
  readonly podsHeldUntil?: () => string;
  /** Answers paths of its own before anything else: logs, proxies. */
  readonly respond?: (request: RawRequest) => PlainAnswer | undefined;
}

export interface KubeApi extends DirectAccess {
  readonly url: string;
  readonly port: number;
  /** YAML. */
  readonly kubeconfig: string;
  /** Every request to a resource over HTTP, refused ones too. */
  readonly requests: readonly ApiRequest[];
  /** Every accepted write over HTTP, in order. */
  readonly writes: readonly WriteRecord[];
  /** Every change of the store, whoever made it, since the last compaction or not. */
  readonly changes: readonly Change[];
  readonly revision: number;
  readonly faults: Faults;
  /** Open watches, of a type or all. */
  watches(type?: ResourceType): readonly WatchStream[];
  /** Sends bookmarks to all who asked for them. */
  bookmark(): void;
  /** Called after each change, when its watchers have it; the listener may write. Returns how to end it. */
  onChange(listener: StoreListener): () => void;
  /** Forgets past revisions: older watches and pages answer 410. */
  compact(): void;
  /** The revision grows by writes to other things. */
  skip(revisions: number): void;
  collectGarbage(): void;
  /** As when a CRD is installed or removed; its objects go with it. */
  serve(type: ResourceType): void;
  unserve(type: ResourceType): void;
  /** Normalised state: two runs that ended alike dump alike. */
  dump(...kinds: readonly string[]): Readonly<Record<string, Json>>;
  /** Resolves once the condition holds; of the server or of its clients; asked again after each request and change, and every 5 ms. */
  until(what: string, condition: () => boolean): Promise<void>;
  goDown(): Promise<void>;
  comeBack(): Promise<void>;
  stop(): Promise<void>;
}

export async function startKubeApi(options: KubeApiOptions = {}): Promise<KubeApi> {
  const server = handling(options);
  const listener = await startListener((message, response) => {
    response.on('close', server.poll);
    void handle(server, message, response);
  });
  const url = `http://127.0.0.1:${listener.port}`;
  return {
    ...directAccess(server),
    ...controls(server),
    url,
    port: listener.port,
    kubeconfig: kubeconfigOf(url),
    requests: server.log.requests,
    writes: server.log.writes,
    changes: server.changes,
    faults: server.faults,
    get revision() {
      return server.store.revision;
    },
    until: server.until,
    goDown: () => listener.goDown(),
    comeBack: () => listener.comeBack(),
    stop: () => listener.goDown(),
  };
}

type Controls = Pick<
  KubeApi,
  'watches' | 'bookmark' | 'compact' | 'skip' | 'onChange' | 'collectGarbage' | 'serve' | 'unserve' | 'dump'
>;

function controls(server: RunningServer): Controls {
  const { store, types, streams, registry } = server;
  return {
    watches: (type) =>
      [...streams].filter((stream) => type === undefined || typeId(stream.request.type) === typeId(type)),
    bookmark() {
      for (const stream of streams) if (stream.bookmarks) stream.bookmark(store.revision);
    },
    compact: () => store.compact(),
    skip: (revisions) => store.skip(revisions),
    onChange: (listener) => store.subscribe((change) => queueMicrotask(() => listener(change))),
    collectGarbage: () => registry.collectNow(),
    serve: (type) => types.add(type),
    unserve: (type) => unserve(server, type),
    dump(...kinds) {
      const objects = store.everything(types.all());
      return dump(kinds.length === 0 ? objects : objects.filter(({ kind }) => kinds.includes(kind)));
    },
  };
}

interface RunningServer extends Handling {
  readonly changes: readonly Change[];
  readonly poll: () => void;
  readonly until: KubeApi['until'];
}

function handling(options: KubeApiOptions): RunningServer {
  const { clock = systemClock } = options;
  const store = new Store();
  const types = new ServedTypes(options.types ?? usualTypes);
  let births = 0;
  const registry = new Registry({
    store,
    types,
    now: () => `${new Date(clock.now()).toISOString().slice(0, 19)}Z`,
    uid: () => `00000000-0000-4000-8000-${(++births).toString(16).padStart(12, '0')}`,
    validate: options.validate ?? (() => []),
    strictNamespaces: options.strictNamespaces ?? false,
    garbageCollection: options.garbageCollection ?? true,
    podsHeldUntil: options.podsHeldUntil ?? (() => undefined),
  });
  const { poll, until } = waiting();
  const changes: Change[] = [];
  store.subscribe((change) => {
    changes.push(change);
    poll();
  });
  return {
    store,
    types,
    registry,
    clock,
    changes,
    poll,
    until,
    faults: new Faults(),
    log: new Log(poll),
    streams: new Set(),
    authorize: options.authorize ?? (() => true),
    user: 'system:serviceaccount:evengate-system:evengate',
    respond: options.respond ?? (() => undefined),
  };
}

function unserve({ store, types, streams }: Handling, resource: ResourceType): void {
  const type = types.all().find((served) => typeId(served) === typeId(resource));
  if (type === undefined) return;
  for (const object of store.all(type)) store.remove(type, object);
  for (const stream of streams) if (typeId(stream.request.type) === typeId(type)) stream.close();
  types.remove(type);
}

function kubeconfigOf(url: string): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server: url, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'test', user: {} }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    'current-context': 'test',
  });
}
