/**
 * Where the operator places an Envoy. `evengate render` shows the same, so nothing depends on the machine that renders; but
 * all of it as JSON, of which the operator writes large tables as protobuf.
 */
import type { Placement } from '../ir/placement.ts';
import type { ObjectRef } from '../kube/object.ts';
import { bootstrap } from './bootstrap.ts';
import { adminSocket, containerPort, drainSeconds, paths, ports } from './envoy-process.ts';

const address = '0.0.0.0';

export const inCluster: Placement = {
  directory: paths.resources,
  certificates: paths.certificates,
  certificatesSwap: '..data',
  identity: paths.identity,
  trustedCertificates: '/etc/ssl/certs/ca-certificates.crt',
  sharePorts: true,
  readiness: { address, port: ports.readiness },
  bind: (_, port) => ({ address, port: containerPort(port) }),
  endpoints: ({ namespace, service, port }) => ({
    kind: 'dns',
    host: `${service}.${namespace}.svc.cluster.local`,
    port,
  }),
};

export interface PodOptions {
  /** Secret enough to keep neighbours on the pod network from draining; not to be guessed from the gateway's name. */
  readonly drainToken: string;
  readonly drainSeconds?: number | undefined;
  /** Of the container, in bytes. */
  readonly memoryLimit?: number | undefined;
}

/** Content of the bootstrap file. */
export function podBootstrap(gateway: ObjectRef, options: PodOptions): object {
  const { drainToken: token, drainSeconds: seconds = drainSeconds, memoryLimit } = options;
  return bootstrap(gateway, paths.resources, {
    memoryLimit,
    admin: {
      path: adminSocket,
      operations: { address, port: ports.operations },
      drain: { address, port: ports.drain, token, seconds },
    },
  });
}
