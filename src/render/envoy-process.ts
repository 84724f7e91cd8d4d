/** Envoy as a process in a pod: where its files lie, where it listens, how it is started, asked and stopped. A contract with the Deployment. */
import { ownPorts as ports } from '../ir/container-port.ts';

export { containerPort, ownPorts as ports } from '../ir/container-port.ts';

/** All are mounts of the pod; the root file system is read-only. */
export const paths = {
  /** A projected volume of the ConfigMaps; its files are links through `..data`, which is swapped as a whole. */
  resources: '/etc/evengate/resources',
  /** One mounted TLS Secret a folder `<namespace>.<name>` (`secretName`). */
  certificates: '/etc/evengate/certificates',
  /** An emptyDir of Pods in a mesh, which Istio's agent writes to. */
  identity: '/etc/evengate/identity',
  /** An emptyDir, for nothing but the socket. */
  admin: '/var/run/evengate',
} as const;

/** The container of a Pod in which it runs. */
export const envoyContainer = 'envoy';

/** Where nobody names another. */
export const envoyImage = 'docker.io/envoyproxy/envoy:distroless-v1.40.0';

/** With Istio's agent, for Pods in a mesh; where nobody names another. */
export const istioAgentImage = 'docker.io/istio/proxyv2:1.31.1-distroless';

/** A file among the resources. */
export const bootstrapFile = 'bootstrap.json';
/** The admin interface is no TCP port: it can end the process, and tells keys. */
export const adminSocket = `${paths.admin}/admin.sock`;

export const readyPath = '/ready';
export const drainPath = '/drain';
export const drainHeader = 'x-evengate-drain';
/** How long the drain holds the pod's end back, in seconds: load balancers and clients have to notice. */
export const drainSeconds = 20;

export interface EnvoyArguments {
  /** `node.id`; `$(POD_NAME)`, which the kubelet expands. */
  readonly node: string;
  /** Worker threads; Envoy counts the CPUs of its cgroup otherwise. */
  readonly concurrency?: number;
}

/** Connections to a listener that was replaced or removed may finish their requests for so long, in seconds. */
const listenerDrainSeconds = 60;
/** How long lines of the access log may be kept back, in milliseconds; Envoy's own 10 s are long for who watches. */
const flushMs = 1000;
/** %j is the message as the inside of a JSON string. */
const logFormat = '{"time":"%Y-%m-%dT%T.%e%z","level":"%l","logger":"%n","message":"%j"}';

/** What follows `envoy`. */
export function envoyArguments({ node, concurrency }: EnvoyArguments): readonly string[] {
  const command = [
    ['--config-path', `${paths.resources}/${bootstrapFile}`],
    ['--service-node', node],
    // A field that this Envoy does not know may be the one that closes a route.
    ['--reject-unknown-dynamic-fields'],
    ['--disable-hot-restart'],
    ['--drain-strategy', 'immediate'],
    ['--drain-time-s', String(listenerDrainSeconds)],
    ['--file-flush-interval-msec', String(flushMs)],
    ['--log-level', 'warn'],
    ['--log-format', logFormat],
    concurrency === undefined ? [] : ['--concurrency', String(concurrency)],
  ];
  return command.flat();
}

const ready = { httpGet: { path: readyPath, port: ports.readiness } } as const;

/** core/v1 Probe, one a kind. */
export const probes = {
  /** Ends with the listeners of the first LDS; a cold image on a busy node gets five minutes. */
  startupProbe: { ...ready, periodSeconds: 1, timeoutSeconds: 1, failureThreshold: 300 },
  readinessProbe: { ...ready, periodSeconds: 5, timeoutSeconds: 1, failureThreshold: 1 },
  /** The main thread answers, also while it drains; text readouts are few where there are a million counters. */
  livenessProbe: {
    httpGet: { path: '/stats?type=TextReadouts&filter=^$', port: ports.operations },
    periodSeconds: 10,
    timeoutSeconds: 5,
    failureThreshold: 3,
  },
} as const;

/** core/v1 Lifecycle, as far as we use it. */
export interface DrainHook {
  readonly preStop: {
    readonly httpGet: {
      readonly path: string;
      readonly port: number;
      readonly httpHeaders: readonly { readonly name: string; readonly value: string }[];
    };
  };
}

/** The kubelet sends SIGTERM when this has answered, which is when the drain is over. */
export function drainHook(token: string): DrainHook {
  return {
    preStop: { httpGet: { path: drainPath, port: ports.drain, httpHeaders: [{ name: drainHeader, value: token }] } },
  };
}

/** For `terminationGracePeriodSeconds`, which counts from before the hook. */
export function gracePeriodSeconds(seconds: number = drainSeconds): number {
  return seconds + 15;
}
