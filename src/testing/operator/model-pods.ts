/** An Envoy for each Pod that the API server has: a model that reads the ConfigMaps of its volume when its Pod is touched. */
import type { EdgePod, PodAccess } from '../../delivery/configmap.ts';
import type { ConfigMap } from '../../kube/core.ts';
import type { KubeObject } from '../../kube/object.ts';
import { ModelEnvoy } from '../edge-pods/model-envoy.ts';
import { textsOf } from '../edge-pods.ts';
import type { KubeApi } from '../kube-api/index.ts';

interface PodObject extends KubeObject {
  readonly spec?: {
    readonly volumes?: readonly {
      readonly projected?: { readonly sources?: readonly { readonly configMap?: { readonly name: string } }[] };
    }[];
  };
}

export class ModelPods {
  readonly #api: KubeApi;
  readonly #envoys = new Map<string, ModelEnvoy>();
  readonly #all: ModelEnvoy[] = [];
  readonly #sources = new Map<string, Readonly<Record<string, string>>>();
  #read = 0;
  /** What Envoys say against a file, if anything. */
  refuses: (file: string, text: string) => string | undefined = () => undefined;

  constructor(api: KubeApi) {
    this.#api = api;
  }

  get access(): PodAccess {
    return {
      stats: async (pod, filter, type) => {
        this.#replay();
        return this.#envoy(pod).stats(filter, type);
      },
      log: async (pod) => this.#envoy(pod).log,
    };
  }

  /** Of all Pods that are there, drained ones too, by name and uid. */
  envoys(): ReadonlyMap<string, ModelEnvoy> {
    this.#replay();
    return this.#envoys;
  }

  /** Also of Pods that are gone. */
  everyEnvoy(): readonly ModelEnvoy[] {
    this.#replay();
    return this.#all;
  }

  #envoy({ name, uid }: EdgePod): ModelEnvoy {
    const envoy = this.#envoys.get(`${name} ${uid}`);
    if (envoy === undefined) throw new Error(`no Pod ${name} with uid ${uid}`);
    return envoy;
  }

  /** What happened since the last look, moment by moment. */
  #replay(): void {
    const { changes } = this.#api;
    for (; this.#read < changes.length; this.#read += 1) {
      const change = changes[this.#read];
      const object = (change?.after ?? change?.before) as unknown as PodObject | undefined;
      if (change === undefined || object === undefined) continue;
      if (change.type.kind === 'ConfigMap') {
        const texts = textsOf(change.after as ConfigMap | undefined);
        this.#sources.set(`${object.metadata.namespace}/${object.metadata.name}`, texts);
      }
      if (change.type.kind === 'Pod') this.#podChanged(object, change.after !== undefined);
    }
  }

  #podChanged(pod: PodObject, lives: boolean): void {
    const id = `${pod.metadata.name} ${pod.metadata.uid}`;
    if (!lives) {
      this.#envoys.delete(id);
      return;
    }
    const envoy = this.#envoys.get(id) ?? this.#newEnvoy(id);
    // Its kubelet mounts nothing anew for one that was asked to end.
    if (pod.metadata.deletionTimestamp === undefined) envoy.read(this.#files(pod));
  }

  #newEnvoy(id: string): ModelEnvoy {
    const envoy = new ModelEnvoy((file, text) => this.refuses(file, text));
    this.#envoys.set(id, envoy);
    this.#all.push(envoy);
    return envoy;
  }

  #files({ metadata: { namespace }, spec }: PodObject): ReadonlyMap<string, string> {
    const sources = (spec?.volumes ?? []).flatMap(({ projected }) => projected?.sources ?? []);
    const names = sources.flatMap(({ configMap }) => (configMap === undefined ? [] : [configMap.name]));
    const all = names.flatMap((name) => Object.entries(this.#sources.get(`${namespace}/${name}`) ?? {}));
    return new Map(all.filter(([name]) => name !== 'bootstrap.json'));
  }
}
