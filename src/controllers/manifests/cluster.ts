/** A live cluster as one Snapshot, as files are: what is there now, and what could not be read of it. */
import { classOf, defaultClass } from '../../ir/class-name.ts';
import { ApiError, type Client, type ListOptions, type ResourceType } from '../../kube/client.ts';
import type { ConfigMap, Namespace, ReferenceGrant, Secret, Service } from '../../kube/core.ts';
import { type KubeObject, keyOf, type ObjectKey, objectKey } from '../../kube/object.ts';
import type { Pod } from '../../kube/pod.ts';
import { resources } from '../../kube/resources.ts';
import { type Collection, emptySnapshot, type Snapshot } from '../../kube/snapshot.ts';
import { type References, type Resolution, resolver } from '../../resolve/resolve.ts';
import { withoutBookkeeping } from '../../runtime/project.ts';
import { concernsMesh } from '../operator/mesh/world.ts';
import { namespaceOf, sameEntries } from '../operator/secrets.ts';
import type { ManifestSet } from './assemble.ts';

export interface ClusterReadOptions {
  /** Read where rights do not reach over all namespaces; otherwise all are read, as objects name each other across them. */
  readonly namespaces?: readonly string[];
  /** Of the ApiGateways that are looked at; when absent the only one that there is (in or for `shown`), or `evengate`. */
  readonly className?: string;
  /** Namespace that is reported on; absent for all. */
  readonly shown?: string;
  /** What else names Secrets and ConfigMaps that are to be read, such as manifests that are held against the cluster. */
  readonly alsoNamedBy?: (live: Snapshot) => References;
}

export interface ClusterReading {
  /** Objects have no position: their place is `describeRef`. Without managedFields and last-applied; with their status. */
  readonly set: ManifestSet;
  readonly resolution: Resolution;
  /** What could not be read and what follows, a sentence each without a full stop. */
  readonly notes: readonly string[];
}

/** Of our kinds there is nothing to be had. The message says why, and what to do. */
export class ClusterUnreadable extends Error {
  override readonly name = 'ClusterUnreadable';
}

const { AuthorizationPolicy, RequestAuthentication, PeerAuthentication } = resources;
const ofIstio = { AuthorizationPolicy, RequestAuthentication, PeerAuthentication };
const ownKinds = ['ApiGateway', 'Route', 'AuthPolicy', 'RateLimitPolicy'] as const;

/** Throws ClusterUnreadable. */
export async function readCluster(client: Client, options: ClusterReadOptions = {}): Promise<ClusterReading> {
  const reader = new ClusterReader(client, options.namespaces ?? []);
  const [own, others] = await Promise.all([reader.own(), reader.others()]);
  const resolve = resolver(options.className ?? classShown(own, options.shown));
  const mesh = [...own.ApiGateway.values()].some(concernsMesh) ? await reader.mesh() : {};
  let snapshot: Snapshot = { ...emptySnapshot, ...own, ...others, ...mesh };
  let resolution = resolve(snapshot);
  // What is found may name more; in practice the second round changes nothing.
  for (let round = 1; round <= 4; round += 1) {
    const named = await reader.named([resolution.references, options.alsoNamedBy?.(snapshot) ?? resolution.references]);
    if (sameEntries(snapshot.Secret, named.Secret) && sameEntries(snapshot.ConfigMap, named.ConfigMap)) break;
    snapshot = { ...snapshot, ...named };
    resolution = resolve(snapshot);
  }
  const set = { snapshot, findings: [], problems: [], locate: () => undefined };
  return { set, resolution, notes: reader.notes };
}

/** Of the ApiGateways in a namespace and those that its Routes name, else of all. */
function classShown({ ApiGateway, Route }: Pick<Snapshot, 'ApiGateway' | 'Route'>, shown: string | undefined): string {
  const routes = [...Route.values()].filter(({ metadata }) => metadata.namespace === shown);
  const named = new Set(routes.flatMap(({ spec }) => parentsOf(spec, shown ?? '')));
  const near = [...ApiGateway].filter(([key, { metadata }]) => metadata.namespace === shown || named.has(key));
  return onlyClass(near.length === 0 ? ApiGateway : new Map(near));
}

/** Also of a Route that cannot be read otherwise. */
function parentsOf(spec: unknown, own: string): readonly ObjectKey[] {
  const { parentRefs } = (spec ?? {}) as { readonly parentRefs?: unknown };
  if (!Array.isArray(parentRefs)) return [];
  return parentRefs.map((parent: unknown) => {
    const { namespace = own, name } = (parent ?? {}) as { readonly namespace?: string; readonly name?: string };
    return keyOf(namespace, name ?? '');
  });
}

export function onlyClass(gateways: Collection): string {
  const [first, ...others] = new Set([...gateways.values()].map(classOf));
  return first !== undefined && others.length === 0 ? first : defaultClass;
}

/** One sentence of why, and the remedy; the refusal is its cause. `namespace` is absent where all were asked for. */
export function unreadable(error: ApiError, type: ResourceType, namespace?: string): ClusterUnreadable {
  return new ClusterUnreadable(sentenceOf(error, type, namespace), { cause: error });
}

function sentenceOf({ code, message }: ApiError, type: ResourceType, namespace: string | undefined): string {
  const where = namespace === undefined ? 'in all namespaces' : `in namespace ${namespace}`;
  if (code === 403) {
    return `you may not list ${resourceName(type)} ${where}: ask for the right, or name a namespace that you may read with -n`;
  }
  if (code === 404) {
    const install = 'install the chart charts/evengate-crds, or `evengate crds | kubectl apply --server-side -f -`';
    return `the cluster does not know ${resourceName(type)}: ${install}`;
  }
  return message.replace(/\.$/, '');
}

/** `routes.evengate.dev`, as RBAC and kubectl write it. */
export function resourceName({ plural, group }: ResourceType): string {
  return group === '' ? plural : `${plural}.${group}`;
}

class ClusterReader {
  readonly #client: Client;
  readonly #namespaces: readonly string[];
  readonly #notes = new Set<string>();
  /** Resource types of which only `namespaces` could be read. */
  readonly #narrow = new Set<string>();
  readonly #named = new Map<string, Promise<KubeObject | undefined>>();

  constructor(client: Client, namespaces: readonly string[]) {
    this.#client = client;
    this.#namespaces = namespaces;
  }

  get notes(): readonly string[] {
    const [types, where] = [[...this.#narrow].toSorted().join(', '), this.#namespaces.join(', ')];
    const narrow =
      types === '' ? [] : [`you may list ${types} in ${where} only: what is elsewhere seems to be missing`];
    return [...narrow, ...[...this.#notes].toSorted()];
  }

  async own(): Promise<Pick<Snapshot, (typeof ownKinds)[number]>> {
    const lists = await Promise.allSettled(ownKinds.map((kind) => this.#listed(resources[kind])));
    const [ApiGateway, Route, AuthPolicy, RateLimitPolicy] = lists.map((list) => {
      if (list.status === 'rejected') throw list.reason;
      return list.value;
    });
    const none: Collection = new Map();
    return {
      ApiGateway: ApiGateway ?? none,
      Route: Route ?? none,
      AuthPolicy: AuthPolicy ?? none,
      RateLimitPolicy: RateLimitPolicy ?? none,
    };
  }

  async others(): Promise<Pick<Snapshot, 'Service' | 'Namespace' | 'ReferenceGrant'>> {
    const [services, namespaces, grants] = await Promise.all([
      this.#optional<Service>(resources.Service, 'backends that name them seem to be missing'),
      this.#optional<Namespace>(resources.Namespace, 'allowedRoutes knows namespaces by their names alone'),
      this.#optional<ReferenceGrant>(resources.ReferenceGrant, 'references into other namespaces seem to lack them'),
    ]);
    return { Service: services, Namespace: namespaces, ReferenceGrant: grants };
  }

  async mesh(): Promise<Pick<Snapshot, 'Pod' | keyof typeof ofIstio>> {
    const unseen = 'what others admit seems to be nothing';
    const [pods, policies, tokens, peers] = await Promise.all([
      this.#optional<Pod>(resources.Pod, 'nobody knows whether a proxy stands before a workload'),
      ...Object.values(ofIstio).map((type) => this.#optional<KubeObject>(type, unseen)),
    ]);
    const none: Collection = new Map();
    return {
      Pod: pods ?? new Map(),
      AuthorizationPolicy: policies ?? none,
      RequestAuthentication: tokens ?? none,
      PeerAuthentication: peers ?? none,
    };
  }

  async named(references: readonly References[]): Promise<Pick<Snapshot, 'Secret' | 'ConfigMap'>> {
    const keysOf = (wanted: (by: References) => ReadonlyMap<ObjectKey, unknown>) =>
      new Set(references.flatMap((by) => [...wanted(by).keys()]));
    const keySets = keysOf((by) => by.keySets('Secret'));
    const certificates = [...keysOf((by) => by.certificates())].filter((key) => !keySets.has(key));
    const [read, present, configMaps] = await Promise.all([
      this.#all<Secret>([...keySets], (key) => this.#keySet(key)),
      this.#all<Secret>(certificates, (key) => this.#certificate(key)),
      this.#all<ConfigMap>([...keysOf((by) => by.keySets('ConfigMap'))], (key) => this.#configMap(key)),
    ]);
    return { Secret: new Map([...read, ...present]), ConfigMap: configMaps };
  }

  async #all<T extends KubeObject>(
    keys: readonly ObjectKey[],
    read: (key: ObjectKey) => Promise<T | undefined>,
  ): Promise<ReadonlyMap<ObjectKey, T>> {
    const found = await Promise.all(keys.map(async (key) => [key, await read(key)] as const));
    return new Map(found.filter((entry): entry is readonly [ObjectKey, T] => entry[1] !== undefined));
  }

  /** Public keys, in a Secret all the same. */
  async #keySet(key: ObjectKey): Promise<Secret | undefined> {
    return await this.#once(`Secret ${key}`, async () => {
      try {
        return await this.#get<Secret>(resources.Secret, key);
      } catch (error) {
        this.#note(error, `get Secret ${key}`, 'what needs its keys is taken to be shut');
        return unread(key, 'forbidden');
      }
    });
  }

  /** Whether it is there: its metadata has to do, as nobody here needs the private key in it. */
  async #certificate(key: ObjectKey): Promise<Secret | undefined> {
    return await this.#once(`Secret ${key}`, async () => {
      const { namespace, name } = named(key);
      const fieldSelector = `metadata.name=${name}`;
      try {
        const found = await this.#client.list(resources.Secret, { namespace, fieldSelector, metadataOnly: true });
        return found.length === 0 ? undefined : unread(key, 'mounted');
      } catch (error) {
        this.#note(error, `list Secrets in namespace ${namespace}`, 'its certificates are taken to be there');
        return unread(key, 'mounted');
      }
    });
  }

  async #configMap(key: ObjectKey): Promise<ConfigMap | undefined> {
    return await this.#once(`ConfigMap ${key}`, async () => {
      try {
        return await this.#get<ConfigMap>(resources.ConfigMap, key);
      } catch (error) {
        this.#note(error, `get ConfigMap ${key}`, 'it seems to be missing');
        return undefined;
      }
    });
  }

  /** The same object for the same name, whichever round asks. */
  async #once<T extends KubeObject>(id: string, read: () => Promise<T | undefined>): Promise<T | undefined> {
    const known = this.#named.get(id) ?? read();
    this.#named.set(id, known);
    return (await known) as T | undefined;
  }

  async #get<T extends KubeObject>(type: ResourceType, key: ObjectKey): Promise<T | undefined> {
    const object = await this.#client.get<T>(type, named(key));
    return object === undefined ? undefined : withoutBookkeeping<T>(object);
  }

  async #listed<T extends KubeObject>(type: ResourceType): Promise<Collection<T>> {
    try {
      return collection(await this.#client.list<T>(type));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.code !== 403 || this.#namespaces.length === 0 || !type.namespaced) throw unreadable(error, type);
      return await this.#listedIn(type);
    }
  }

  async #listedIn<T extends KubeObject>(type: ResourceType): Promise<Collection<T>> {
    const listIn = async (namespace: string) => {
      try {
        return await this.#client.list<T>(type, { namespace } satisfies ListOptions);
      } catch (error) {
        if (error instanceof ApiError) throw unreadable(error, type, namespace);
        throw error;
      }
    };
    const found = (await Promise.all(this.#namespaces.map(listIn))).flat();
    this.#narrow.add(resourceName(type));
    return collection(found);
  }

  async #optional<T extends KubeObject>(type: ResourceType, consequence: string): Promise<Collection<T>> {
    try {
      return await this.#listed<T>(type);
    } catch (error) {
      if (!(error instanceof ClusterUnreadable)) throw error;
      const { cause } = error;
      // Clusters without Gateway API or Istio have none, and then nobody has granted anything.
      if (cause instanceof ApiError && cause.code === 404) return new Map();
      if (!(cause instanceof ApiError) || cause.code !== 403) throw error;
      this.#notes.add(`you may not list ${resourceName(type)}: ${consequence}`);
      return new Map();
    }
  }

  #note(error: unknown, what: string, consequence: string): void {
    if (!(error instanceof ApiError)) throw error;
    if (error.code !== 403) throw new ClusterUnreadable(error.message, { cause: error });
    this.#notes.add(`you may not ${what}: ${consequence}`);
  }
}

function collection<T extends KubeObject>(objects: readonly T[]): Collection<T> {
  return new Map(objects.map((object) => [objectKey(object), withoutBookkeeping<T>(object)]));
}

function named(key: ObjectKey): { readonly namespace: string; readonly name: string } {
  const namespace = namespaceOf(key);
  return { namespace, name: key.slice(namespace.length + 1) };
}

function unread(key: ObjectKey, why: 'mounted' | 'forbidden'): Secret {
  return { apiVersion: 'v1', kind: 'Secret', metadata: named(key), unread: why };
}
