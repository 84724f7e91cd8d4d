/** A namespace of a test's own on the cluster, with a client, which is removed at the end. */
import { randomBytes } from 'node:crypto';
import { customResourceDefinition } from '../../../src/api/crd.ts';
import { kinds } from '../../../src/api/kinds.ts';
import type { Condition, KubeObject } from '../../../src/kube/object.ts';
import type { Pod } from '../../../src/kube/pod.ts';
import { resources } from '../../../src/kube/resources.ts';
import { type KubeClient, kubeClient } from '../../../src/runtime/client.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import { type Connection, connect } from '../../../src/runtime/connection.ts';
import type { Cluster } from '../../cluster/index.ts';
import { kubectl } from '../../cluster/use.ts';
import { loadedCluster } from './loaded.ts';
import { typeOf } from './types.ts';
import { type Patience, until } from './until.ts';

/** With what a status has, of any kind of ours. */
export interface Reported extends KubeObject {
  readonly status?: {
    readonly observedGeneration?: number;
    readonly conditions?: readonly Condition[];
    readonly [field: string]: unknown;
  };
}

export interface World {
  readonly cluster: Cluster;
  readonly namespace: string;
  /** Applies as `e2e`, and takes what others own. */
  readonly client: KubeClient;
  /** For what no Client does: an eviction, an impolite deletion. */
  readonly connection: Connection;
  /** One after the other; those that name no namespace go to `namespace`. */
  apply(...objects: readonly KubeObject[]): Promise<readonly KubeObject[]>;
  /** False where there was none. */
  remove(kind: string, name: string, namespace?: string): Promise<boolean>;
  get<T extends KubeObject = Reported>(kind: string, name: string, namespace?: string): Promise<T | undefined>;
  list<T extends KubeObject = Reported>(kind: string, labelSelector?: string): Promise<readonly T[]>;
  /** Resolves when it is Ready, and Programmed where it can be, in its present generation. */
  ready(kind: string, name: string, patience?: Patience): Promise<Reported>;
  condition(kind: string, name: string, type: string): Promise<Condition | undefined>;
  /** Of an ApiGateway, or of a Deployment's `app` label. */
  pods(labelSelector: string): Promise<readonly Pod[]>;
  /** At once, as if its node had died: grace 0. */
  kill(pod: string, namespace?: string): Promise<void>;
  /** Policy/v1 Eviction; the HTTP status, 429 where a budget forbids it. */
  evict(pod: string): Promise<number>;
  kubectl(...parameters: readonly string[]): Promise<string>;
  /** Runs when the world ends, last one first. */
  onEnd(act: () => Promise<unknown>): void;
  end(): Promise<void>;
}

/** `name` begins the namespace's name. Installs the CRDs. */
export async function openWorld(name: string): Promise<World> {
  const cluster = await loadedCluster();
  const connection = connect({ kubeconfig: cluster.kubeconfig, env: {}, userAgent: 'evengate-e2e' });
  const client = kubeClient(connection, { fieldManager: 'e2e', clock: systemClock });
  const namespace = `${name}-${randomBytes(3).toString('hex')}`;
  await installCrds(client);
  await client.create(resources.Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  return new ClusterWorld(cluster, { namespace, client, connection });
}

async function installCrds(client: KubeClient): Promise<void> {
  for (const kind of kinds) {
    const wanted = customResourceDefinition(kind) as KubeObject;
    await client.apply(resources.CustomResourceDefinition, wanted, { force: true });
    await until(`${wanted.metadata.name} established`, async () => {
      const { name } = wanted.metadata;
      const found = await client.get<Reported>(resources.CustomResourceDefinition, { name });
      return found?.status?.conditions?.some(({ type, status }) => type === 'Established' && status === 'True');
    });
  }
}

type Parts = Pick<World, 'namespace' | 'client' | 'connection'>;

class ClusterWorld implements World {
  readonly cluster: Cluster;
  readonly namespace: string;
  readonly client: KubeClient;
  readonly connection: Connection;
  readonly #ends: (() => Promise<unknown>)[] = [];

  constructor(cluster: Cluster, { namespace, client, connection }: Parts) {
    this.cluster = cluster;
    this.namespace = namespace;
    this.client = client;
    this.connection = connection;
  }

  async apply(...objects: readonly KubeObject[]): Promise<readonly KubeObject[]> {
    const applied: KubeObject[] = [];
    for (const object of objects) {
      const type = typeOf(object.kind);
      const namespace = type.namespaced ? { namespace: object.metadata.namespace ?? this.namespace } : {};
      const placed = { ...object, metadata: { ...object.metadata, ...namespace } };
      applied.push(await this.client.apply(type, placed, { force: true }));
    }
    return applied;
  }

  async remove(kind: string, name: string, namespace = this.namespace): Promise<boolean> {
    const type = typeOf(kind);
    const place = type.namespaced ? { namespace, name } : { name };
    const uid = (await this.client.get(type, place))?.metadata.uid;
    return uid !== undefined && (await this.client.delete(type, place, { uid }));
  }

  get<T extends KubeObject = Reported>(kind: string, name: string, namespace = this.namespace): Promise<T | undefined> {
    return this.client.get<T>(typeOf(kind), typeOf(kind).namespaced ? { namespace, name } : { name });
  }

  list<T extends KubeObject = Reported>(kind: string, labelSelector?: string): Promise<readonly T[]> {
    return this.client.list<T>(typeOf(kind), {
      namespace: this.namespace,
      ...(labelSelector !== undefined && { labelSelector }),
    });
  }

  ready(kind: string, name: string, patience: Patience = {}): Promise<Reported> {
    const look = () => this.get(kind, name);
    return until(
      `${kind} ${name} ready`,
      async () => {
        const found = await look();
        return found !== undefined && isReady(found) ? found : undefined;
      },
      { ...patience, seen: async () => (await look())?.status },
    );
  }

  async condition(kind: string, name: string, type: string): Promise<Condition | undefined> {
    return (await this.get(kind, name))?.status?.conditions?.find((one) => one.type === type);
  }

  pods(labelSelector: string): Promise<readonly Pod[]> {
    return this.list<Pod>('Pod', labelSelector);
  }

  async kill(pod: string, namespace = this.namespace): Promise<void> {
    await this.#send('DELETE', `${podPath(namespace, pod)}?gracePeriodSeconds=0`, {});
  }

  evict(pod: string): Promise<number> {
    const metadata = { name: pod, namespace: this.namespace };
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata };
    return this.#send('POST', `${podPath(this.namespace, pod)}/eviction`, eviction);
  }

  async #send(method: 'POST' | 'DELETE', path: string, body: object): Promise<number> {
    const headers = { 'content-type': 'application/json' };
    const response = await this.connection.send({ method, path, headers, body: JSON.stringify(body) });
    await response.text();
    return response.status;
  }

  kubectl(...parameters: readonly string[]): Promise<string> {
    return kubectl(parameters);
  }

  onEnd(act: () => Promise<unknown>): void {
    this.#ends.push(act);
  }

  async end(): Promise<void> {
    for (const act of this.#ends.splice(0).toReversed()) await act();
    await this.remove('Namespace', this.namespace);
    // Its pods would take CPU from the next test.
    for (const pod of await this.list('Pod')) await this.kill(pod.metadata.name);
    await this.connection.close();
  }
}

const podPath = (namespace: string, pod: string) => `/api/v1/namespaces/${namespace}/pods/${pod}`;

function isReady({ metadata, status }: Reported): boolean {
  const said = (status?.conditions ?? []).filter(({ type }) => type === 'Ready' || type === 'Programmed');
  const holds = ({ status: value, observedGeneration }: Condition) =>
    value === 'True' && observedGeneration === metadata.generation;
  return said.some(({ type }) => type === 'Ready') && said.every(holds);
}
