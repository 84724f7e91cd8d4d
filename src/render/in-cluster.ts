/** Where the operator places an Envoy. `evengate render` shows the same, so nothing depends on the machine that renders. */
import type { Placement } from '../ir/placement.ts';
import { containerPort, paths } from './envoy-process.ts';

export const inCluster: Placement = {
  directory: paths.resources,
  certificates: paths.certificates,
  trustedCertificates: '/etc/ssl/certs/ca-certificates.crt',
  sharePorts: true,
  bind: (_, port) => ({ address: '0.0.0.0', port: containerPort(port) }),
  endpoints: ({ namespace, service, port }) => ({
    kind: 'dns',
    host: `${service}.${namespace}.svc.cluster.local`,
    port,
  }),
};
