/** The mesh's part of the world: what others have of Istio's kinds, and the Pods of workloads. */
import { classOf } from '../../../ir/class-name.ts';
import type { KubeObject } from '../../../kube/object.ts';
import type { Pod } from '../../../kube/pod.ts';
import type { Collection, Snapshot } from '../../../kube/snapshot.ts';
import { Following } from '../collections.ts';
import { isAnswered, type MeshSources, ofOthers, sameWrittenOf, writtenOf } from './caches.ts';

type IstioKind = 'AuthorizationPolicy' | 'RequestAuthentication' | 'PeerAuthentication';

export class MeshWorld {
  readonly #sources: MeshSources;
  readonly #className: string;
  readonly #pods: Following<Pod>;
  readonly #istio: { readonly [K in IstioKind]: Following<KubeObject> };

  constructor(sources: MeshSources, className: string) {
    this.#sources = sources;
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
      PeerAuthentication: following('PeerAuthentication'),
    };
  }

  /** Each the same object while nothing changed. */
  get collections(): Pick<Snapshot, IstioKind | 'Pod'> {
    const { AuthorizationPolicy, RequestAuthentication, PeerAuthentication } = this.#istio;
    return {
      Pod: this.#pods.all,
      AuthorizationPolicy: AuthorizationPolicy.all,
      RequestAuthentication: RequestAuthentication.all,
      PeerAuthentication: PeerAuthentication.all,
    };
  }

  /** Begins to watch with the first gateway that asks for it; whether all that is watched has answered. */
  follow(gateways: Collection): boolean {
    const sources = Object.values(this.#sources);
    const asks = (gateway: KubeObject) => classOf(gateway) === this.#className && concernsMesh(gateway);
    if ([...gateways.values()].some(asks)) for (const source of sources) source.want();
    return sources.every((source) => !source.wanted || isAnswered(source));
  }
}

/** In a mesh, or about to let go of what it was once in. What cannot be read counts. */
export function concernsMesh({ spec }: KubeObject): boolean {
  const { mesh } = (spec ?? {}) as { readonly mesh?: { readonly mode?: unknown; readonly onLastPolicy?: unknown } };
  return mesh?.mode !== undefined && mesh.mode !== 'None' ? true : mesh?.onLastPolicy === 'Release';
}
