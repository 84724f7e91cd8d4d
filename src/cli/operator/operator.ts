/** `evengate operator`: options to a Manager, and its end to an exit code. */

import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { operatorMetricList } from '../../controllers/operator/metric-list.ts';
import { operatorComponents } from '../../controllers/operator/operator.ts';
import { leaseName } from '../../controllers/preflight/installed.ts';
import { openPreflight } from '../../controllers/preflight/open.ts';
import type { Preflight } from '../../controllers/preflight/preflight.ts';
import { leaseMetadata } from '../../controllers/preflight/rivals.ts';
import { directAccess, proxiedAccess } from '../../delivery/configmap.ts';
import { type KubeClient, kubeClient } from '../../runtime/client.ts';
import { systemClock } from '../../runtime/clock.ts';
import { type Connection, connect } from '../../runtime/connection.ts';
import { KubeconfigError } from '../../runtime/kubeconfig.ts';
import { alwaysLeader, type Election, elect, LeadershipLost } from '../../runtime/leader.ts';
import { createLog, type Log } from '../../runtime/logger.ts';
import { type Component, Manager } from '../../runtime/manager.ts';
import { createMetrics, type Metrics } from '../../runtime/metrics.ts';
import { noTracer, type Tracer } from '../../runtime/tracing.ts';
import type { Tracing } from '../../runtime/tracing-otlp.ts';
import { tracingSettings } from '../../runtime/tracing-settings.ts';
import { evengateVersion } from '../../version.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import { complain } from '../load.ts';

export interface OperatorArguments {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly class: string;
  readonly watchNamespace?: readonly string[];
  readonly readSecrets?: boolean;
  readonly secretNamespace?: readonly string[];
  readonly meshEnrolment?: boolean;
  readonly leaderElect?: boolean;
  readonly leaseNamespace?: string;
  readonly envoyImage: string;
  readonly istioAgentImage: string;
  readonly healthPort: number;
  readonly log: 'json' | 'text';
  readonly logLevel: 'error' | 'warn' | 'info' | 'debug';
}

/** Runs what `components` makes until the process is asked to end (`src/operator.ts`). */
export type RunOperator = (options: {
  readonly log: Log;
  readonly components: () => Promise<Manager>;
}) => Promise<void>;

export async function operator(options: OperatorArguments, io: Io, run: RunOperator): Promise<ExitCode> {
  const log = createLog({ output: io.stderr, clock: systemClock, format: options.log, level: options.logLevel });
  const connection = open(options, io);
  if (connection === undefined) return exitCodes.unusable;
  const { server, inCluster } = connection;
  log.info('starting', { version: evengateVersion(), server, inCluster, class: options.class });
  const tracing = await tracingOf(io.env, log);
  try {
    await run({
      log,
      components: async () => managerOf(options, { connection, log, env: io.env, tracer: tracing?.tracer }),
    });
    return exitCodes.done;
  } catch (error) {
    // Said already; whoever started it starts it again, with nothing left of what went wrong.
    if (!(error instanceof LeadershipLost)) log.debug('ended', { error });
    return exitCodes.findings;
  } finally {
    await tracing?.close(flushMs);
    await connection.close();
  }
}

/** For the last spans; the pod's grace is for the work itself. */
const flushMs = 2000;

/** Undefined, and nothing is loaded, where OTEL_EXPORTER_OTLP_ENDPOINT names no collector. */
async function tracingOf(env: Io['env'], log: Log): Promise<Tracing | undefined> {
  const read = tracingSettings(env);
  if ('problem' in read) {
    log.warn('traces are not sent', { problem: read.problem });
    return undefined;
  }
  if (read.settings === undefined) return undefined;
  const { openTracing } = await import('../../runtime/tracing-otlp.ts');
  return openTracing({ ...read.settings, version: evengateVersion(), clock: systemClock, log });
}

function open({ kubeconfig, context }: OperatorArguments, io: Io): Connection | undefined {
  try {
    return connect({ kubeconfig, context, env: io.env, userAgent: `evengate/${evengateVersion()}` });
  } catch (error) {
    if (!(error instanceof KubeconfigError)) throw error;
    complain(io, error.message);
    return undefined;
  }
}

interface Surroundings {
  readonly connection: Connection;
  readonly log: Log;
  readonly env: Io['env'];
  readonly tracer: Tracer | undefined;
}

interface Candidate extends Surroundings {
  readonly client: KubeClient;
  readonly instance: string;
  readonly metrics: Metrics;
  /** Undefined without leader election. */
  readonly lease: Lease | undefined;
  readonly preflight: Preflight;
}

interface Lease {
  readonly namespace: string;
  readonly name: string;
}

function leaseOf(options: OperatorArguments, { connection, env }: Surroundings): Lease | undefined {
  if (options.leaderElect !== true) return undefined;
  return { namespace: ownNamespace(options, { connection, env }), name: leaseName(options.class) };
}

function ownNamespace(
  { leaseNamespace }: OperatorArguments,
  { connection, env }: Pick<Surroundings, 'connection' | 'env'>,
): string {
  return leaseNamespace ?? env['POD_NAMESPACE'] ?? connection.namespace;
}

function electionOf(options: OperatorArguments, candidate: Candidate): Election {
  const { client, instance, log, lease, preflight } = candidate;
  if (lease === undefined) return alwaysLeader;
  const election = elect({
    client,
    ...lease,
    identity: instance,
    metadata: leaseMetadata({ className: options.class, namespaces: options.watchNamespace }, evengateVersion()),
    clock: systemClock,
    log: log.child({ logger: 'leader' }),
    onChange: leadership(lease.name, candidate),
  });
  return preflight.guard(election);
}

/** Told to metrics, and to traces as a moment. */
function leadership(name: string, { metrics, tracer = noTracer, instance }: Candidate): (leads: boolean) => void {
  const measure = metrics.leader(name);
  return (leads) => {
    measure(leads);
    const attributes = { 'evengate.leads': leads, 'evengate.lease': name, 'service.instance.id': instance };
    tracer.span('leadership', { attributes }, () => undefined);
  };
}

function preflightOf(
  options: OperatorArguments,
  parts: Pick<Candidate, 'client' | 'log' | 'metrics' | 'lease'>,
): Preflight {
  const problems = parts.metrics.gauge(operatorMetricList.preflight);
  return openPreflight({
    ...parts,
    clock: systemClock,
    className: options.class,
    namespaces: options.watchNamespace,
    readSecrets: readsSecrets(options),
    secretNamespaces: options.secretNamespace,
    meshEnrolment: options.meshEnrolment,
    measured: (check, count) => problems.set({ check }, count),
  });
}

function managerOf(options: OperatorArguments, surroundings: Surroundings): Manager {
  const { connection, log, env, tracer } = surroundings;
  const metrics = createMetrics({ process: true });
  const { host } = new URL(connection.server);
  const client = kubeClient(connection, {
    fieldManager: 'evengate',
    clock: systemClock,
    ...(tracer && { tracer }),
    onCall: (call) => {
      metrics.request({ ...call, host });
      preflight.observe(call);
    },
  });
  const instance = `${env['POD_NAME'] ?? hostname()}-${randomBytes(3).toString('hex')}`;
  const lease = leaseOf(options, surroundings);
  const preflight = preflightOf(options, { client, log, metrics, lease });
  const candidate: Candidate = { ...surroundings, client, instance, metrics, lease, preflight };
  const election = electionOf(options, candidate);
  const health = { port: options.healthPort, registry: metrics.registry };
  const manager = new Manager({ clock: systemClock, log, election, preflight, health });
  const components = componentsOf(options, { ...candidate, election });
  for (const component of [preflight.component(), ...components]) manager.add(component);
  return manager;
}

function componentsOf(
  options: OperatorArguments,
  candidate: Candidate & { readonly election: Election },
): readonly Component[] {
  const { client, connection, election, instance, log, metrics, tracer } = candidate;
  return operatorComponents({
    client,
    election,
    access: connection.inCluster ? directAccess(client) : proxiedAccess(client),
    className: options.class,
    image: options.envoyImage,
    agentImage: options.istioAgentImage,
    namespaces: options.watchNamespace,
    readSecrets: readsSecrets(options),
    secretNamespaces: options.secretNamespace,
    meshEnrolment: options.meshEnrolment,
    ownNamespace: ownNamespace(options, candidate),
    instance,
    version: evengateVersion(),
    clock: systemClock,
    log,
    metrics,
    tracer,
  });
}

function readsSecrets({ readSecrets, secretNamespace }: OperatorArguments): boolean {
  return readSecrets ?? secretNamespace !== undefined;
}
