/** The operator of a test: of a class of its own, in pods as users install it, or as a process beside the test. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import { installation } from '../../../src/controllers/operator/install.ts';
import type { KubeObject } from '../../../src/kube/object.ts';
import type { Pod } from '../../../src/kube/pod.ts';
import { resources } from '../../../src/kube/resources.ts';
import { evengateImage } from '../../cluster/images/images.ts';
import { until } from './until.ts';
import type { World } from './world.ts';

export interface OperatorOptions {
  /** `className` of the ApiGateways that it serves. */
  readonly class: string;
  readonly where: 'pod' | 'outside';
  /** In pods only; 1 when absent. */
  readonly replicas?: number;
  /** The world's when absent. */
  readonly watchNamespaces?: readonly string[] | 'all';
  readonly readSecrets?: boolean;
  readonly meshEnrolment?: boolean;
  /** Where MeshConfig is, when it may be read there; of one in pods that watches some namespaces. */
  readonly istioNamespace?: string;
  /** Of its container, beside what it has; in pods only. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface TestOperator {
  /** Of the pods; the world's for a process outside. */
  readonly namespace: string;
  /** SIGKILL to the process, or all its pods deleted with grace 0 (whose Deployment makes others at once). */
  kill(): Promise<void>;
  /** Stays down: a process is killed, pods are scaled to none and killed. */
  stop(): Promise<void>;
  /** Resolves when it works, or stands by, again; at once when it is not to be waited for. */
  start(options?: { readonly wait: boolean }): Promise<void>;
  restart(): Promise<void>;
  /** Everything that it has said so far; of pods, what those say that there are now. */
  logs(): Promise<string>;
}

/** Resolves when it is up. It goes with the world. */
export async function startOperator(world: World, options: OperatorOptions): Promise<TestOperator> {
  const operator = options.where === 'pod' ? await podOperator(world, options) : new OutsideOperator(world, options);
  await operator.start();
  return operator;
}

function watched(
  world: World,
  { watchNamespaces = [world.namespace] }: OperatorOptions,
): readonly string[] | undefined {
  return watchNamespaces === 'all' ? undefined : watchNamespaces;
}

const root = join(import.meta.dirname, '../../..');

class OutsideOperator implements TestOperator {
  readonly namespace: string;
  readonly #arguments: readonly string[];
  #child: ChildProcess | undefined;
  #said = '';

  constructor(world: World, options: OperatorOptions) {
    const { readSecrets = false, meshEnrolment = false } = options;
    this.namespace = world.namespace;
    const { kubeconfig } = world.cluster;
    this.#arguments = [
      'operator',
      `--class=${options.class}`,
      `--kubeconfig=${kubeconfig}`,
      '--health-port=0',
      ...(watched(world, options) ?? []).flatMap((name) => ['--watch-namespace', name]),
      ...(readSecrets ? ['--read-secrets'] : []),
      ...(meshEnrolment ? ['--mesh-enrolment'] : []),
    ];
    world.onEnd(() => this.stop());
  }

  async start({ wait } = { wait: true }): Promise<void> {
    const child = spawn(process.execPath, ['src/main.ts', ...this.#arguments], {
      cwd: root,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#child = child;
    const before = this.#said.length;
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#said += text;
    });
    if (!wait) return;
    await until('the operator outside starts', async () => {
      if (child.exitCode !== null) throw new Error(`the operator ended with ${child.exitCode}:\n${this.#said}`);
      return this.#said.includes('caches synced', before);
    });
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  stop(): Promise<void> {
    return this.kill();
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  logs(): Promise<string> {
    return Promise.resolve(this.#said);
  }
}

async function podOperator(world: World, options: OperatorOptions): Promise<TestOperator> {
  const { readSecrets = false, replicas = 1 } = options;
  const namespace = `${world.namespace}-operator`;
  const installed = installation({
    namespace,
    image: evengateImage,
    className: options.class,
    replicas,
    watchNamespaces: watched(world, options),
    readSecrets,
    meshEnrolment: options.meshEnrolment,
    istioNamespace: options.istioNamespace,
  });
  const objects = installed.map((one) => (one.kind === 'Deployment' ? withEnv(one, options.env ?? {}) : one));
  world.onEnd(async () => {
    const own: readonly (string | undefined)[] = [world.namespace, namespace];
    for (const { kind, metadata } of objects.filter((one) => !own.includes(one.metadata.namespace))) {
      await world.remove(kind, metadata.name, metadata.namespace);
    }
  });
  await world.apply(...objects);
  return new PodOperator(world, objects);
}

interface PodSpec {
  readonly containers: readonly { readonly env?: readonly object[] }[];
}

function withEnv(deployment: KubeObject, more: Readonly<Record<string, string>>): KubeObject {
  const spec = deployment.spec as { readonly template: { readonly spec: PodSpec } };
  const added = Object.entries(more).map(([name, value]) => ({ name, value }));
  const containers = spec.template.spec.containers.map(({ env = [], ...rest }) => ({
    ...rest,
    env: [...env, ...added],
  }));
  const template = { ...spec.template, spec: { ...spec.template.spec, containers } };
  return { ...deployment, spec: { ...spec, template } } as KubeObject;
}

class PodOperator implements TestOperator {
  readonly namespace: string;
  readonly #world: World;
  readonly #deployment: KubeObject;

  constructor(world: World, objects: readonly KubeObject[]) {
    const deployment = objects.find(({ kind }) => kind === 'Deployment');
    if (deployment === undefined) throw new Error('an installation has a Deployment');
    this.#world = world;
    this.#deployment = deployment;
    this.namespace = deployment.metadata.namespace ?? '';
  }

  async start({ wait } = { wait: true }): Promise<void> {
    await this.#world.apply(this.#deployment);
    if (!wait) return;
    const wanted = (this.#deployment.spec as { readonly replicas: number }).replicas;
    await until('the operator’s pods are Ready', async () => {
      const pods = await this.#pods();
      return pods.length === wanted && pods.every(isReady);
    });
  }

  async kill(): Promise<void> {
    for (const { metadata } of await this.#pods()) await this.#world.kill(metadata.name, this.namespace);
  }

  async stop(): Promise<void> {
    const { apiVersion, kind, metadata } = this.#deployment;
    const none = { ...(this.#deployment.spec as object), replicas: 0 };
    await this.#world.apply({ apiVersion, kind, metadata, spec: none });
    await until('no pod of the operator is left', async () => {
      await this.kill();
      return (await this.#pods()).length === 0;
    });
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  async logs(): Promise<string> {
    const texts = (await this.#pods()).map(({ metadata: { name } }) =>
      this.#world.kubectl('--namespace', this.namespace, 'logs', name),
    );
    return (await Promise.all(texts)).join('');
  }

  #pods(): Promise<readonly Pod[]> {
    return this.#world.client.list<Pod>(resources.Pod, { namespace: this.namespace });
  }
}

function isReady({ metadata, status }: Pod): boolean {
  const ready = status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True');
  return metadata.deletionTimestamp === undefined && ready === true;
}
