/** The operator as a process, against an API server that is a model; Pods are ready at once, and their Envoys are models. */
import type { KubeObject } from '../../kube/object.ts';
import { type KubeApi, type KubeApiOptions, startKubeApi } from '../kube-api/index.ts';
import type { WriteRecord } from '../kube-api/log.ts';
import { type DeploymentSimulation, type Simulation, simulateDeployments } from '../kube-api/simulate-deployments.ts';
import { simulateKubelet } from '../kube-api/simulate-kubelet.ts';
import { type ServiceSimulation, simulateServices } from '../kube-api/simulate-services.ts';
import { LeapingClock } from '../leaping-clock.ts';
import { ModelPods } from './model-pods.ts';
import { type OperatorSettings, type RunningOperator, startOperator, type Traffic } from './process.ts';

export type { OperatorSettings, RunningOperator };

export interface OperatorRig {
  readonly api: KubeApi;
  readonly pods: ModelPods;
  /** Of the operators; leaps over every wait. */
  readonly clock: LeapingClock;
  /** Lines of all operators' logs. */
  readonly log: readonly string[];
  readonly deployments: Simulation;
  readonly services: Simulation;
  readonly start: (options?: Partial<OperatorSettings>) => RunningOperator;
  /** All that run. */
  readonly kill: () => Promise<void>;
  /** Resolves when nothing was written for so long (10 s of the operators' time). Leases do not count. */
  readonly quiet: (ms?: number) => Promise<void>;
  /** What was written but for Leases. */
  readonly writes: () => readonly WriteRecord[];
  readonly stop: () => Promise<void>;
}

export interface RigOptions extends KubeApiOptions {
  readonly deployments?: DeploymentSimulation;
  readonly services?: ServiceSimulation;
  /** How long a Pod that is deleted is drained; it goes at once when absent. */
  readonly graceMs?: number;
}

const quietMs = 10_000;

export async function operatorRig(options: RigOptions = {}): Promise<OperatorRig> {
  const api = await startKubeApi({ ...options, ...graceOf(options, () => clock.now()) });
  const deployments = simulateDeployments(api, options.deployments);
  const services = simulateServices(api, options.services);
  const pods = new ModelPods(api);
  const log: string[] = [];
  const traffic: Traffic = { moves: 0, inFlight: 0 };
  const clock: LeapingClock = clockOf(api, traffic);
  const kubelet = simulateKubelet(api, clock);
  const operators = fleetOf((settings) =>
    startOperator({ server: api.url, clock, access: pods.access, log, traffic }, settings),
  );
  const writes = () => api.writes.filter(({ kind }) => kind !== 'Lease');
  return {
    api,
    pods,
    clock,
    log,
    deployments,
    services,
    start: operators.start,
    kill: operators.kill,
    writes,
    async quiet(ms = quietMs) {
      for (let seen = -1; seen !== writes().length; ) {
        seen = writes().length;
        await clock.sleep(ms);
      }
    },
    async stop() {
      await operators.kill();
      for (const simulation of [deployments, services, kubelet]) simulation.stop();
      await api.stop();
    },
  };
}

function clockOf(api: KubeApi, traffic: Traffic): LeapingClock {
  return new LeapingClock({
    happened: () => traffic.moves + api.requests.length + api.changes.length,
    isBusy: () => traffic.inFlight > 0,
  });
}

function graceOf({ graceMs }: RigOptions, now: () => number): Pick<KubeApiOptions, 'podsHeldUntil'> {
  return graceMs === undefined ? {} : { podsHeldUntil: () => new Date(now() + graceMs).toISOString() };
}

/** Those that run are killed at the end of a test. */
function fleetOf(startOne: (settings: Partial<OperatorSettings>) => RunningOperator) {
  const running = new Set<RunningOperator>();
  return {
    start: (settings: Partial<OperatorSettings> = {}) => {
      const operator = startOne(settings);
      running.add(operator);
      void operator.ended.catch(() => undefined).then(() => running.delete(operator));
      return operator;
    },
    kill: async () => {
      await Promise.all([...running].map((operator) => operator.kill()));
      running.clear();
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

/** Rigs of one test file: `afterEach(pool.stop)`. */
export function rigPool(usual: RigOptions = {}): RigPool {
  const rigs: OperatorRig[] = [];
  return {
    async open(options = {}) {
      const rig = await operatorRig({ ...usual, ...options });
      rigs.push(rig);
      return rig;
    },
    async stop() {
      await Promise.all(rigs.splice(0).map((rig) => rig.stop()));
    },
  };
}

export interface RigPool {
  readonly open: (options?: RigOptions) => Promise<OperatorRig>;
  readonly stop: () => Promise<void>;
}
