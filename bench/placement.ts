/** Where what is measured would run: in a cluster. */
import type { Placement } from '../src/ir/placement.ts';

export const inCluster: Placement = {
  directory: '/etc/evengate',
  certificates: '/etc/evengate/tls',
  trustedCertificates: '/etc/ssl/certs/ca-certificates.crt',
  sharePorts: true,
  bind: (_, port) => ({ address: '0.0.0.0', port: port + 10_000 }),
  endpoints: ({ service, namespace, port }) => ({
    kind: 'dns',
    host: `${service}.${namespace}.svc.cluster.local`,
    port,
  }),
};
