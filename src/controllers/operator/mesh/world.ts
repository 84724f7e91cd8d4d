/** The mesh's part of the world: what others have of Istio's kinds, and the Pods of workloads. */
import { classOf } from '../../../ir/class-name.ts';
import type { KubeObject } from '../../../kube/object.ts';
import type { Pod } from '../../../kube/pod.ts';
import type { Collection, FetchedKeys, Snapshot } from '../../../kube/snapshot.ts';
import { Following } from '../collections.ts';
import { isAnswered, type MeshSources, ofOthers, sameWrittenOf, writtenOf } from './caches.ts';

/** Key sets by URI, as `Keys` has them. */
export interface KeySource {
  want(uris: ReadonlySet<string>): void;
  readonly all: Collection<FetchedKeys>;
  readonly answered: boolean;
}

type IstioKind = 'AuthorizationPolicy' | 'RequestAuthentication' | 'PeerAuthentication';

export class MeshWorld {
  readonly #sources: MeshSources;
  readonly #className: string;
  readonly #pods: Following<Pod>;
  readonly #keys: KeySource;
  readonly #istio: { readonly [K in IstioKind]: Following<KubeObject> };

  constructor(sources: MeshSources, keys: KeySource, className: string) {
    this.#sources = sources;
    this.#keys = keys;
    this.#className = className;
    this.#pods = new Following(
      sources.Pod,
      (pod) => pod,
      () => false,
    );
    const following = (kind: IstioKind) =>
      new Following<KubeObject>(ofOthers(sources[kind], className), writtenOf, sameWrittenOf);
    this.#istio = {
      AuthorizationPolicy: following('AuthorizationPolicy'),
      RequestAuthentication: following('RequestAuthentication'),
      // Ours too: of several that select a workload, Istio reads the oldest.
      PeerAuthentication: new Following<KubeObject>(sources.PeerAuthentication, writtenOf, sameWrittenOf),
    };
  }

  /** Each the same object while nothing changed. */
  get collections(): Pick<Snapshot, IstioKind | 'Pod' | 'FetchedKeys'> {
    const { AuthorizationPolicy, RequestAuthentication, PeerAuthentication } = this.#istio;
    return {
      Pod: this.#pods.all,
      AuthorizationPolicy: AuthorizationPolicy.all,
      RequestAuthentication: RequestAuthentication.all,
      PeerAuthentication: PeerAuthentication.all,
      FetchedKeys: this.#keys.all,
    };
  }

  /** Begins to watch, and to fetch, with the first gateway that asks for it; whether all that is watched has answered. */
  follow(gateways: Collection, uris: ReadonlySet<string>): boolean {
    const sources = Object.values(this.#sources);
    const own = [...gateways.values()].filter((gateway) => classOf(gateway) === this.#className);
    if (own.some(concernsMesh)) for (const source of sources) source.want();
    this.#keys.want(own.some(isInMesh) ? uris : none);
    return this.#keys.answered && sources.every((source) => !source.wanted || isAnswered(source));
  }
}

const none: ReadonlySet<string> = new Set();

/** In a mesh, or about to let go of what it was once in. */
export function concernsMesh(gateway: KubeObject): boolean {
  return isInMesh(gateway) || meshOf(gateway)?.onLastPolicy === 'Release';
}

/** What cannot be read counts. */
function isInMesh(gateway: KubeObject): boolean {
  const mode = meshOf(gateway)?.mode;
  return mode !== undefined && mode !== 'None';
}

function meshOf({ spec }: KubeObject) {
  return ((spec ?? {}) as { readonly mesh?: { readonly mode?: unknown; readonly onLastPolicy?: unknown } }).mesh;
}
