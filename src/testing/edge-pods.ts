/**
 * Pods with an Envoy that is a model: it takes up ConfigMaps when its annotation is touched, as a kubelet and an Envoy
 * would, and answers for it with statistics. It lives in what the API server recorded, so it misses no moment.
 */
import type { EdgeFleet, EdgePod, PodAccess } from '../delivery/configmap.ts';
import type { ConfigMap } from '../kube/core.ts';
import type { KubeObject } from '../kube/object.ts';
import { tableName } from '../render/names.ts';
import { readResponse } from '../render/protobuf/response.ts';
import { ModelEnvoy } from './edge-pods/model-envoy.ts';
import type { KubeApi } from './kube-api/index.ts';

export interface EdgePodsOptions {
  readonly api: KubeApi;
  readonly namespace: string;
  /** Sources of the projected volume, in order. */
  readonly configMaps: readonly string[];
}

/** How a pod differs from a sound one. */
export interface Manner {
  readonly ready?: boolean;
  /** Its Envoy cannot be asked. */
  mute?: boolean;
  /** Its kubelet sleeps. */
  deaf?: boolean;
  /** What its Envoy says against a file, if anything. */
  refuses?: (file: string, text: string) => string | undefined;
}

interface Running {
  readonly object: KubeObject;
  pod: EdgePod;
  readonly manner: Manner;
  envoy: ModelEnvoy;
}

export class EdgePods {
  readonly #options: EdgePodsOptions;
  readonly #running = new Map<string, Running>();
  readonly #sources = new Map<string, Readonly<Record<string, string>>>();
  #waiting: (() => void)[] = [];
  #read = 0;
  /** How often any Envoy was asked. */
  questions = 0;

  constructor(options: EdgePodsOptions) {
    this.#options = options;
  }

  /** It starts with what the ConfigMaps hold now. */
  add(name: string, manner: Manner = {}): void {
    const { api, namespace } = this.#options;
    const created = api.create({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace },
      spec: {},
    } as KubeObject);
    this.#replay();
    const uid = created.metadata.uid ?? '';
    const ip = `10.0.0.${this.#running.size}`;
    const pod = { name, namespace, uid, ip, ready: manner.ready ?? true, terminating: false, restarts: 0 };
    this.#running.set(name, { object: created, pod, manner, envoy: this.#started(manner) });
    this.#tell();
  }

  /** Its Envoy ended, and another one is Ready in its place before anybody has looked. */
  restart(name: string): void {
    const running = this.#of(name);
    this.#replay();
    running.envoy = this.#started(running.manner);
    running.pod = { ...running.pod, restarts: running.pod.restarts + 1 };
    this.#tell();
  }

  remove(name: string): void {
    const { object } = this.#of(name);
    this.#running.delete(name);
    this.#options.api.delete(object);
    this.#tell();
  }

  setReady(name: string, ready: boolean): void {
    const running = this.#of(name);
    running.pod = { ...running.pod, ready };
    this.#tell();
  }

  manner(name: string): Manner {
    return this.#of(name).manner;
  }

  envoy(name: string): ModelEnvoy {
    this.#replay();
    return this.#of(name).envoy;
  }

  get fleet(): EdgeFleet {
    return {
      pods: () => [...this.#running.values()].map(({ pod }) => pod),
      changed: (signal) =>
        new Promise((resolve, reject) => {
          if (signal.aborted) return reject(signal.reason as Error);
          this.#waiting.push(resolve);
          signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
        }),
    };
  }

  get access(): PodAccess {
    return {
      stats: async (pod, filter, type) => {
        this.questions += 1;
        const running = this.#running.get(pod.name);
        if (running === undefined || running.manner.mute === true) throw new Error('nobody answers');
        this.#replay();
        return running.envoy.stats(filter, type);
      },
      log: async (pod) => this.#of(pod.name).envoy.log,
    };
  }

  #started(manner: Manner): ModelEnvoy {
    const envoy = new ModelEnvoy((file, text) => manner.refuses?.(file, text));
    envoy.read(this.#files());
    return envoy;
  }

  #of(name: string): Running {
    const running = this.#running.get(name);
    if (running === undefined) throw new Error(`no pod ${name}`);
    return running;
  }

  #tell(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  #files(): ReadonlyMap<string, string> {
    const { configMaps } = this.#options;
    return new Map(configMaps.flatMap((name) => Object.entries(this.#sources.get(name) ?? {})));
  }

  /** What happened since the last look, moment by moment. */
  #replay(): void {
    const { changes } = this.#options.api;
    for (; this.#read < changes.length; this.#read += 1) {
      const change = changes[this.#read];
      const name = (change?.after ?? change?.before)?.metadata.name ?? '';
      if (change?.type.kind === 'ConfigMap') {
        this.#sources.set(name, textsOf(change.after as ConfigMap | undefined));
      }
      const running = change?.type.kind === 'Pod' ? this.#running.get(name) : undefined;
      if (running === undefined || running.manner.deaf === true || change?.before === undefined) continue;
      running.envoy.read(this.#files());
    }
  }
}

/** Files of a ConfigMap; protobuf as a JSON text that differs where it does. */
export function textsOf({ data = {}, binaryData = {} }: Pick<ConfigMap, 'data' | 'binaryData'> = {}) {
  const binary = Object.entries(binaryData).map(([file, content]) => {
    const { version = '', resource = [] } = readResponse(Buffer.from(content, 'base64')) ?? {};
    const name = tableName(/^rds-(.*)\.pb$/.exec(file)?.[1] ?? '', true);
    const resources = [{ name, bytes: Buffer.from(resource).toString('base64') }];
    return [file, JSON.stringify({ version_info: version, resources })] as const;
  });
  return { ...data, ...Object.fromEntries(binary) };
}
