/** `evengate operator`: options to a Manager, and its end to an exit code. */

import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { operatorComponents } from '../controllers/operator/operator.ts';
import { directAccess, proxiedAccess } from '../delivery/configmap.ts';
import type { Client } from '../kube/client.ts';
import { kubeClient } from '../runtime/client.ts';
import { systemClock } from '../runtime/clock.ts';
import { type Connection, connect } from '../runtime/connection.ts';
import { KubeconfigError } from '../runtime/kubeconfig.ts';
import { alwaysLeader, type Election, elect, LeadershipLost } from '../runtime/leader.ts';
import { createLog, type Log } from '../runtime/logger.ts';
import { Manager } from '../runtime/manager.ts';
import { createMetrics, type Metrics } from '../runtime/metrics.ts';
import { evengateVersion } from '../version.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import type { Io } from './io.ts';
import { complain } from './load.ts';

export interface OperatorArguments {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly class: string;
  readonly watchNamespace?: readonly string[];
  readonly readSecrets?: boolean;
  readonly secretNamespace?: readonly string[];
  readonly leaderElect?: boolean;
  readonly leaseNamespace?: string;
  readonly envoyImage: string;
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
  try {
    await run({ log, components: async () => managerOf(options, { connection, log, env: io.env }) });
    return exitCodes.done;
  } catch (error) {
    // Said already; whoever started it starts it again, with nothing left of what went wrong.
    if (!(error instanceof LeadershipLost)) log.debug('ended', { error });
    return exitCodes.findings;
  } finally {
    await connection.close();
  }
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
}

interface Candidate extends Surroundings {
  readonly client: Client;
  readonly instance: string;
  readonly metrics: Metrics;
}

function electionOf(options: OperatorArguments, candidate: Candidate): Election {
  if (options.leaderElect !== true) return alwaysLeader;
  const { client, instance, connection, log, env, metrics } = candidate;
  const name = `evengate-${options.class}`;
  return elect({
    client,
    namespace: options.leaseNamespace ?? env['POD_NAMESPACE'] ?? connection.namespace,
    name,
    identity: instance,
    clock: systemClock,
    log: log.child({ logger: 'leader' }),
    onChange: metrics.leader(name),
  });
}

function managerOf(options: OperatorArguments, { connection, log, env }: Surroundings): Manager {
  const clock = systemClock;
  const metrics = createMetrics({ process: true });
  const { host } = new URL(connection.server);
  const client = kubeClient(connection, {
    fieldManager: 'evengate',
    clock,
    onCall: (call) => metrics.request({ ...call, host }),
  });
  const instance = `${env['POD_NAME'] ?? hostname()}-${randomBytes(3).toString('hex')}`;
  const election = electionOf(options, { client, instance, connection, log, env, metrics });
  const manager = new Manager({
    clock,
    log,
    election,
    health: { port: options.healthPort, registry: metrics.registry },
  });
  const components = operatorComponents({
    client,
    election,
    access: connection.inCluster ? directAccess(client) : proxiedAccess(client),
    className: options.class,
    image: options.envoyImage,
    namespaces: options.watchNamespace,
    readSecrets: options.readSecrets ?? options.secretNamespace !== undefined,
    secretNamespaces: options.secretNamespace,
    instance,
    version: evengateVersion(),
    clock,
    log,
    metrics,
  });
  for (const component of components) manager.add(component);
  return manager;
}
