/** The operator as a process, against an API server that is a model; Pods are ready at once, and their Envoys are models. */
import { operatorComponents } from '../../controllers/operator/operator.ts';
import type { KubeObject } from '../../kube/object.ts';
import { kubeClient } from '../../runtime/client.ts';
import { systemClock } from '../../runtime/clock.ts';
import { connectTo } from '../../runtime/connection.ts';
import { alwaysLeader, type Election } from '../../runtime/leader.ts';
import { createLog } from '../../runtime/logger.ts';
import { Manager } from '../../runtime/manager.ts';
import { createMetrics } from '../../runtime/metrics.ts';
import { type KubeApi, type KubeApiOptions, startKubeApi } from '../kube-api/index.ts';
import { simulateDeployments } from '../kube-api/simulate-deployments.ts';
import { simulateServices } from '../kube-api/simulate-services.ts';
import { ModelPods } from './model-pods.ts';

export interface OperatorRig {
  readonly api: KubeApi;
  readonly pods: ModelPods;
  /** Lines of all operators' logs. */
  readonly log: readonly string[];
  readonly start: (options?: Partial<OperatorSettings>) => RunningOperator;
  readonly stop: () => Promise<void>;
}

export interface OperatorSettings {
  readonly className: string;
  readonly namespaces: readonly string[] | undefined;
  readonly readSecrets: boolean;
  readonly election: Election;
}

export interface RunningOperator {
  /** In order; rejects with what ended it before. */
  stop(): Promise<void>;
}

export async function operatorRig(options: KubeApiOptions = {}): Promise<OperatorRig> {
  const api = await startKubeApi(options);
  const simulations = [simulateDeployments(api), simulateServices(api)];
  const pods = new ModelPods(api);
  const log: string[] = [];
  const running = new Set<RunningOperator>();
  const start: OperatorRig['start'] = (settings = {}) => {
    const operator = startOperator({ api, pods, log }, settings);
    running.add(operator);
    return {
      stop: async () => {
        running.delete(operator);
        await operator.stop();
      },
    };
  };
  return {
    api,
    pods,
    log,
    start,
    async stop() {
      await Promise.all([...running].map((operator) => operator.stop()));
      for (const simulation of simulations) simulation.stop();
      await api.stop();
    },
  };
}

interface Surroundings {
  readonly api: KubeApi;
  readonly pods: ModelPods;
  readonly log: string[];
}

function startOperator({ api, pods, log: lines }: Surroundings, settings: Partial<OperatorSettings>): RunningOperator {
  const clock = systemClock;
  const log = createLog({ output: { write: (text: string) => lines.push(text) }, clock, level: 'debug' });
  const connection = connectTo({ server: api.url });
  const client = kubeClient(connection, { fieldManager: 'evengate', clock });
  const election = settings.election ?? alwaysLeader;
  const manager = new Manager({ clock, log, election });
  const components = operatorComponents({
    client,
    election,
    access: pods.access,
    className: settings.className ?? 'evengate',
    image: 'envoy:test',
    namespaces: settings.namespaces,
    readSecrets: settings.readSecrets ?? false,
    instance: 'test',
    clock,
    log,
    metrics: createMetrics({ process: false }),
  });
  for (const component of components) manager.add(component);
  const end = new AbortController();
  const run = async () => {
    try {
      await manager.run(end.signal);
    } finally {
      await connection.close();
    }
  };
  const ended = run();
  // Whoever stops it is told.
  ended.catch(() => undefined);
  return {
    async stop() {
      end.abort();
      await ended;
    },
  };
}

/** `Ready` of an object as the API server has it: `True Ready`, `` before the first status. */
export function readyOf(object: KubeObject | undefined): string {
  return conditionOf(object, 'Ready');
}

export function conditionOf(object: KubeObject | undefined, type: string): string {
  const { status } = (object ?? {}) as {
    readonly status?: {
      readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason: string }[];
    };
  };
  const found = status?.conditions?.find((condition) => condition.type === type);
  return found === undefined ? '' : `${found.status} ${found.reason}`;
}
