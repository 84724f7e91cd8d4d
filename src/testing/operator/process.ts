/** One operator as a process that can be killed: from then on it does nothing, and nobody hears of it. */
import { operatorMetricList } from '../../controllers/operator/metric-list.ts';
import { operatorComponents } from '../../controllers/operator/operator.ts';
import type { OperatorOptions } from '../../controllers/operator/options.ts';
import type { CheckName } from '../../controllers/preflight/finding.ts';
import { openPreflight } from '../../controllers/preflight/open.ts';
import type { Preflight } from '../../controllers/preflight/preflight.ts';
import { leaseMetadata } from '../../controllers/preflight/rivals.ts';
import type { PodAccess } from '../../delivery/configmap.ts';
import type { CallRecord } from '../../runtime/calls.ts';
import { type KubeClient, kubeClient } from '../../runtime/client.ts';
import type { Clock } from '../../runtime/clock.ts';
import { connectTo } from '../../runtime/connection.ts';
import { alwaysLeader, type Election, elect } from '../../runtime/leader.ts';
import { createLog, type Log } from '../../runtime/logger.ts';
import { Manager } from '../../runtime/manager.ts';
import { createMetrics, type Metrics } from '../../runtime/metrics.ts';
import type { Tracer } from '../../runtime/tracing.ts';

export interface OperatorSettings {
  readonly className: string;
  readonly namespaces: readonly string[] | undefined;
  readonly readSecrets: boolean;
  readonly meshEnrolment: boolean;
  readonly secretNamespaces: readonly string[];
  /** Where it keeps what it keeps; it keeps nothing when absent. */
  readonly ownNamespace: string;
  readonly fetching: OperatorOptions['fetching'];
  /** Made with the client, clock and log of the process. */
  readonly election: (parts: ElectionParts) => Election;
  /** As `evengate operator` begins; with a Lease, also as it leads. */
  readonly preflight: { readonly lease?: { readonly namespace: string; readonly name: string } };
  /** After each write that the API server took, before the operator hears of it. */
  readonly onWrite: (operator: RunningOperator) => void;
  readonly userAgent: string;
  readonly tracer: Tracer;
}

export interface ElectionParts {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Log;
}

export interface RunningOperator {
  readonly metrics: Metrics;
  /** In order; rejects with what ended it before. */
  stop(): Promise<void>;
  /** What it is doing is never finished, and nothing is drained. */
  kill(): Promise<void>;
  /** It stops where it is, sockets open, and goes on when told to. */
  pause(): () => void;
  /** Settles when it has ended by itself. */
  readonly ended: Promise<void>;
}

export interface Surroundings {
  readonly server: string;
  readonly clock: Clock;
  readonly access: PodAccess;
  readonly log: string[];
  /** Counts what is under way, for a LeapingClock. */
  readonly traffic: Traffic;
}

/** Calls of all operators that live. */
export interface Traffic {
  /** Begun or ended, ever. */
  moves: number;
  inFlight: number;
}

export function startOperator(around: Surroundings, settings: Partial<OperatorSettings>): RunningOperator {
  const life = new Life();
  const { className = 'evengate', namespaces, readSecrets = false, meshEnrolment, secretNamespaces, tracer } = settings;
  const clock = life.clock(around.clock);
  const log = createLog({ output: life.output(around.log), clock, level: 'debug' });
  const connection = connectTo({ server: around.server, userAgent: settings.userAgent ?? 'evengate/test' });
  const onWrite = () => settings.onWrite?.(operator);
  const metrics = createMetrics({ process: false });
  const { host } = new URL(around.server);
  const onCall = (call: CallRecord) => {
    metrics.request({ ...call, host });
    if (!life.ended) preflight?.observe(call);
  };
  const calls = kubeClient(connection, { fieldManager: 'evengate', clock, onCall, ...(tracer && { tracer }) });
  const client = life.client(calls, around.traffic, onWrite);
  const preflight = preflightOf(settings, { client, clock, log, metrics });
  const election = electionOf(settings, { client, clock, log }, preflight);
  const manager = new Manager({ clock, log, election, ...(preflight && { preflight }) });
  if (preflight !== undefined) manager.add(preflight.component());
  const access = life.calls(around.access);
  const common = {
    className,
    image: 'envoy:test',
    namespaces,
    readSecrets,
    meshEnrolment,
    secretNamespaces,
    ownNamespace: settings.ownNamespace,
    fetching: settings.fetching,
    instance: 'test',
    version: '0.0.0',
  };
  const components = operatorComponents({ ...common, client, election, access, clock, log, metrics, tracer });
  for (const component of components) manager.add(component);
  const operator = running(manager, { life, metrics, close: () => connection.close() });
  return operator;
}

interface Process {
  readonly life: Life;
  readonly metrics: Metrics;
  readonly close: () => Promise<void>;
}

function running(manager: Manager, { life, metrics, close }: Process): RunningOperator {
  const end = new AbortController();
  const run = async () => {
    try {
      await manager.run(end.signal);
    } finally {
      await close();
    }
  };
  const ended = run();
  // Whoever stops it is told.
  ended.catch(() => undefined);
  return {
    metrics,
    ended,
    async stop() {
      end.abort();
      await ended;
    },
    async kill() {
      life.end();
      await close();
    },
    pause: () => life.pause(),
  };
}

function preflightOf(
  { preflight, className = 'evengate', readSecrets = false, ...settings }: Partial<OperatorSettings>,
  { metrics, ...parts }: ElectionParts & { readonly metrics: Metrics },
): Preflight | undefined {
  if (preflight === undefined) return undefined;
  const problems = metrics.gauge(operatorMetricList.preflight);
  const measured = (check: CheckName, count: number) => problems.set({ check }, count);
  const { namespaces, secretNamespaces, meshEnrolment } = settings;
  const given = { className, namespaces, readSecrets, secretNamespaces, meshEnrolment };
  return openPreflight({ ...parts, ...preflight, ...given, measured });
}

function electionOf(
  { election, preflight: { lease } = {}, className = 'evengate', namespaces }: Partial<OperatorSettings>,
  parts: ElectionParts,
  preflight: Preflight | undefined,
): Election {
  if (lease === undefined || preflight === undefined) return election?.(parts) ?? alwaysLeader;
  const identity = `one-of-${lease.namespace}`;
  const metadata = leaseMetadata({ className, namespaces }, '0.0.0');
  return preflight.guard(elect({ ...parts, ...lease, identity, metadata }));
}

/** What the process asks of the world around it is answered only while it lives. */
class Life {
  readonly #death = new AbortController();
  readonly #never = new Promise<never>(() => undefined);
  get ended(): boolean {
    return this.#death.signal.aborted;
  }

  #paused: Promise<void> | undefined;
  #inFlight = new Map<Traffic, number>();

  end(): void {
    this.#death.abort();
    for (const [traffic, calls] of this.#inFlight) traffic.inFlight -= calls;
    this.#inFlight.clear();
  }

  pause(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#paused = promise;
    return () => {
      this.#paused = undefined;
      resolve();
    };
  }

  clock(real: Clock): Clock {
    return {
      now: () => real.now(),
      monotonic: () => real.monotonic(),
      random: () => real.random(),
      sleep: (ms, signal) => {
        const both = signal === undefined ? this.#death.signal : AbortSignal.any([signal, this.#death.signal]);
        return this.#alive(real.sleep(ms, both));
      },
    };
  }

  output(lines: string[]): { readonly write: (text: string) => void } {
    return {
      write: (text) => {
        if (!this.#death.signal.aborted) lines.push(text);
      },
    };
  }

  calls<T extends object>(target: T, around: (name: string, call: () => unknown) => unknown = (_, call) => call()): T {
    return new Proxy(target, {
      get: (real, name) => {
        const value: unknown = Reflect.get(real, name);
        if (typeof value !== 'function') return value;
        return (...args: readonly unknown[]) =>
          this.#alive(
            (this.#paused ?? Promise.resolve()).then(() => around(String(name), () => value.apply(real, args))),
          );
      },
    });
  }

  client(real: KubeClient, traffic: Traffic, onWrite: () => void): KubeClient {
    const writes = ['apply', 'create', 'replace', 'patch', 'delete'];
    return this.calls(real, async (name, call) => {
      this.#count(traffic, 1);
      try {
        const answer = await call();
        if (writes.includes(name) && !this.#death.signal.aborted) onWrite();
        return answer;
      } finally {
        if (!this.#death.signal.aborted) this.#count(traffic, -1);
      }
    });
  }

  #count(traffic: Traffic, change: number): void {
    if (this.#death.signal.aborted) return;
    traffic.moves += 1;
    traffic.inFlight += change;
    this.#inFlight.set(traffic, (this.#inFlight.get(traffic) ?? 0) + change);
  }

  /** What comes of it while the process lives, and not while it is paused. */
  async #alive<T>(work: Promise<T>): Promise<T> {
    if (this.#death.signal.aborted) {
      work.catch(() => undefined);
      return await this.#never;
    }
    try {
      return await work;
    } finally {
      await this.#paused;
      if (this.#death.signal.aborted) await this.#never;
    }
  }
}
