/** Pods with real Envoys on this machine, each at an address of its own, and a kubelet that takes up ConfigMaps when it is touched. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EdgeFleet, EdgePod } from '../delivery/configmap.ts';
import { writeAtomically } from '../delivery/envoy/files.ts';
import { type EnvoyProcess, startEnvoy } from '../delivery/envoy/process.ts';
import type { ConfigMap } from '../kube/core.ts';
import type { KubeObject } from '../kube/object.ts';
import { resources } from '../kube/resources.ts';
import { bootstrap } from '../render/bootstrap.ts';
import { paths, ports } from '../render/envoy-process.ts';
import type { KubeClient } from '../runtime/client.ts';
import type { KubeApi } from './kube-api/index.ts';

export interface RealPodsOptions {
  readonly api: KubeApi;
  readonly client: KubeClient;
  readonly binary: string;
  readonly namespace: string;
  readonly configMaps: readonly string[];
}

interface Running {
  pod: EdgePod;
  readonly root: string;
  readonly envoy: EnvoyProcess;
}

/** Stands in rendered files for the address of the pod that reads them. */
export const podAddress = '127.255.255.254';

export class RealPods {
  readonly #options: RealPodsOptions;
  readonly #ending = new AbortController();
  readonly #running = new Map<string, Running>();
  readonly #touched = new Map<string, string>();
  /** No other run of this machine has the same, most likely. */
  readonly #net = `127.${1 + Math.floor(Math.random() * 250)}.${1 + Math.floor(Math.random() * 250)}`;
  #waiting: (() => void)[] = [];
  #kubelet: Promise<void> = Promise.resolve();

  constructor(options: RealPodsOptions) {
    this.#options = options;
  }

  readonly fleet: EdgeFleet = {
    pods: () => [...this.#running.values()].map(({ pod }) => pod),
    changed: (signal) =>
      new Promise((resolve, reject) => {
        this.#waiting.push(resolve);
        signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      }),
  };

  /** Begins to watch. */
  start(): void {
    this.#kubelet = this.#watch().catch((error: unknown) => {
      if (!this.#ending.signal.aborted) throw error;
    });
  }

  /** Resolves when it is Ready; it starts with what the ConfigMaps hold then. */
  async add(name: string): Promise<EdgePod> {
    const { api, binary, namespace } = this.#options;
    const created = api.create({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace } } as KubeObject);
    const root = mkdtempSync(join(tmpdir(), 'evengate-pod-'));
    const ip = `${this.#net}.${this.#running.size + 1}`;
    const pod = { name, namespace, uid: created.metadata.uid ?? '', ip, ready: false, terminating: false, restarts: 0 };
    await writeAtomically(join(root, 'xds'), this.#files(root, ip));
    const directory = join(root, 'run');
    const admin = { path: join(directory, 'admin.sock'), operations: { address: ip, port: ports.operations } };
    const envoy = await startEnvoy({
      binary,
      directory,
      bootstrap: bootstrap({ kind: 'ApiGateway', namespace, name: 'edge' }, join(root, 'xds'), { admin }),
      env: process.env,
      concurrency: 1,
      onExit: ({ lines }) => process.stderr.write(`Envoy of Pod ${name} ended: ${lines.join('\n')}\n`),
      log: () => undefined,
    });
    const running: Running = { pod, root, envoy };
    this.#running.set(name, running);
    while (!(await envoy.admin.ready())) await sleep(10);
    running.pod = { ...pod, ready: true };
    this.#tell();
    return running.pod;
  }

  /** What `kubectl logs` shows. */
  log(name: string): string {
    return this.#running.get(name)?.envoy.log.last(200).join('\n') ?? '';
  }

  async stop(): Promise<void> {
    this.#ending.abort(new Error('stopped'));
    await this.#kubelet;
    for (const { envoy, root } of this.#running.values()) {
      await envoy.stop();
      rmSync(root, { recursive: true, force: true });
    }
  }

  async #watch(): Promise<void> {
    const { api, client, namespace } = this.#options;
    const resourceVersion = String(api.revision);
    const options = { namespace, resourceVersion, timeoutSeconds: 600, ending: this.#ending };
    for await (const events of await client.watch(resources.Pod, options)) {
      for (const event of events) {
        if (event.type === 'MODIFIED') await this.#sync((event as { readonly object: KubeObject }).object);
      }
    }
  }

  async #sync({ metadata: { name, annotations = {} } }: KubeObject): Promise<void> {
    const running = this.#running.get(name);
    const touched = JSON.stringify(annotations);
    if (running === undefined || this.#touched.get(name) === touched) return;
    this.#touched.set(name, touched);
    await writeAtomically(join(running.root, 'xds'), this.#files(running.root, running.pod.ip));
  }

  #files(root: string, ip: string): ReadonlyMap<string, string | Buffer> {
    const { api, namespace, configMaps } = this.#options;
    const local = (text: string) =>
      text
        .replaceAll(`${paths.resources}/`, `${root}/xds/`)
        .replaceAll(`"${paths.resources}"`, `"${root}/xds"`)
        .replaceAll(podAddress, ip);
    return new Map(
      configMaps.flatMap((configMap): (readonly [string, string | Buffer])[] => {
        const { data = {}, binaryData = {} } = api.get<ConfigMap>(resources.ConfigMap, namespace, configMap) ?? {};
        const bytes = Object.entries(binaryData).map(([name, text]) => [name, Buffer.from(text, 'base64')] as const);
        return [...Object.entries(data).map(([name, text]) => [name, local(text)] as const), ...bytes];
      }),
    );
  }

  #tell(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}
