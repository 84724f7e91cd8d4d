/** The world as the caches have it, resolved: made again after changes, and told to whoever acts on it. */
import type { ConfigMap, Namespace, ReferenceGrant, Secret, Service } from '../../kube/core.ts';
import type { KubeObject, ObjectKey } from '../../kube/object.ts';
import { type Collection, emptySnapshot, type Snapshot } from '../../kube/snapshot.ts';
import { type Resolution, type Resolver, resolver } from '../../resolve/resolve.ts';
import { type Absences, missingServices } from './absences.ts';
import { type Cache, Following, sameWritten, written } from './collections.ts';
import type { MeshSources } from './mesh/caches.ts';
import { type KeySource, MeshWorld } from './mesh/world.ts';
import { isUnknown, type NamedObjects, sameEntries, secretCollection, secretNeeds } from './secrets.ts';

export interface WorldCaches {
  readonly ApiGateway: Cache;
  readonly Route: Cache;
  readonly AuthPolicy: Cache;
  readonly RateLimitPolicy: Cache;
  readonly Service: Cache<Service>;
  readonly Namespace: Cache<Namespace>;
  readonly ReferenceGrant: Cache<ReferenceGrant>;
  readonly configMaps: NamedObjects<ConfigMap>;
  /** Undefined where the operator reads no Secrets. */
  readonly secrets: NamedObjects<Secret> | undefined;
  readonly mesh: MeshSources;
  readonly keys: KeySource;
  readonly absences: Pick<Absences, 'areKnown'>;
}

/** One moment. */
export interface View {
  readonly snapshot: Snapshot;
  readonly resolution: Resolution;
}

/** Secrets that were found may lead to others; in practice the second round changes nothing. */
const mostRounds = 4;

export class World {
  readonly #caches: WorldCaches;
  readonly #resolve: Resolver;
  readonly #secretsOf = secretCollection();
  readonly #following: {
    readonly [K in 'ApiGateway' | 'Route' | 'AuthPolicy' | 'RateLimitPolicy']: Following<KubeObject>;
  };
  readonly #others: {
    readonly Service: Following<Service>;
    readonly Namespace: Following<Namespace>;
    readonly ReferenceGrant: Following<ReferenceGrant>;
  };
  readonly #mesh: MeshWorld;
  #secrets: Collection<Secret> = new Map();
  #configMaps: Collection<ConfigMap> = new Map();
  #view: View | undefined;

  constructor(caches: WorldCaches, className: string) {
    this.#caches = caches;
    this.#resolve = resolver(className);
    this.#mesh = new MeshWorld(caches.mesh, caches.keys, className);
    const own = (kind: 'ApiGateway' | 'Route' | 'AuthPolicy' | 'RateLimitPolicy') =>
      new Following(caches[kind], written, sameWritten);
    this.#following = {
      ApiGateway: own('ApiGateway'),
      Route: own('Route'),
      AuthPolicy: own('AuthPolicy'),
      RateLimitPolicy: own('RateLimitPolicy'),
    };
    // The caches keep of these what is looked at, and tell of nothing else.
    const asItIs = <T>(object: T): T => object;
    const never = () => false;
    this.#others = {
      Service: new Following(caches.Service, asItIs, never),
      Namespace: new Following(caches.Namespace, asItIs, never),
      ReferenceGrant: new Following(caches.ReferenceGrant, asItIs, never),
    };
  }

  /** `complete`: every object that is named has been asked for; what it says may change what is open. */
  resolve(): { readonly view: View; readonly complete: boolean } {
    let complete = true;
    for (let round = 1; round <= mostRounds; round += 1) {
      const view = this.#look();
      const followed = this.#follow(view.resolution);
      if (followed.same) return { view, complete: followed.complete };
      complete = followed.complete;
    }
    return { view: this.#look(), complete };
  }

  /** The same while the world is. */
  #look(): View {
    const { ApiGateway, Route, AuthPolicy, RateLimitPolicy } = this.#following;
    const { Service, Namespace, ReferenceGrant } = this.#others;
    const snapshot: Snapshot = {
      ...emptySnapshot,
      ...this.#mesh.collections,
      ApiGateway: ApiGateway.all,
      Route: Route.all,
      AuthPolicy: AuthPolicy.all,
      RateLimitPolicy: RateLimitPolicy.all,
      Service: Service.all,
      Namespace: Namespace.all,
      ReferenceGrant: ReferenceGrant.all,
      ConfigMap: this.#configMaps,
      Secret: this.#secrets,
    };
    if (this.#view === undefined || !sameCollections(snapshot, this.#view.snapshot)) {
      this.#view = { snapshot, resolution: this.#resolve(snapshot) };
    }
    return this.#view;
  }

  /** Watches what the resolution asks for; whether all of it has answered, and whether the answers are those that it had. */
  #follow(resolution: Resolution): { readonly complete: boolean; readonly same: boolean } {
    const { references } = resolution;
    const needs = secretNeeds(references);
    const wanted = new Set(references.keySets('ConfigMap').keys());
    this.#caches.secrets?.want(new Set(needs.read));
    this.#caches.configMaps.want(wanted);
    const asking =
      isAsking(wanted, this.#caches.configMaps) ||
      (this.#caches.secrets !== undefined && isAsking(needs.read, this.#caches.secrets));
    const secrets = this.#secretsOf(needs, this.#caches.secrets);
    const configMaps = foundAmong(wanted, this.#caches.configMaps);
    const same = secrets === this.#secrets && sameEntries(configMaps, this.#configMaps);
    this.#secrets = secrets;
    if (!same) this.#configMaps = configMaps;
    const { FetchedKeys } = this.#mesh.collections;
    const answered = this.#mesh.follow(this.#following.ApiGateway.all, new Set(references.fetched().keys()));
    const known = this.#caches.absences.areKnown(missingServices(resolution, this.#others.Service.all));
    return { complete: !asking && answered && known, same: same && this.#mesh.collections.FetchedKeys === FetchedKeys };
  }
}

function sameCollections(one: Snapshot, other: Snapshot): boolean {
  return (Object.keys(one) as (keyof Snapshot)[]).every((kind) => one[kind] === other[kind]);
}

function isAsking<T extends KubeObject>(keys: Iterable<ObjectKey>, named: NamedObjects<T>): boolean {
  return [...keys].some((key) => isUnknown(key, named));
}

function foundAmong<T extends KubeObject>(
  keys: Iterable<ObjectKey>,
  named: NamedObjects<T>,
): ReadonlyMap<ObjectKey, T> {
  return new Map(
    [...keys].flatMap((key) => {
      const object = named.get(key);
      return object === undefined ? [] : [[key, object] as const];
    }),
  );
}
