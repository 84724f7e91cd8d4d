/** `service` of an ApiGateway: how its Service is reached from outside. */
import { z } from 'zod';
import { notWith } from '../../schema/choice.ts';
import { cidr, field, labelKey, portNumber } from '../../schema/fields.ts';
import { extraAnnotations, extraLabels } from '../../schema/pods.ts';

const nodePort = z.strictObject({
  port: field(portNumber, 'Port of a listener.', 443),
  nodePort: field(portNumber, 'Port of every node, in the range of the cluster (30000 to 32767, usually).', 30443),
});

const samePort = 'is the port of another entry, too';

const nodePorts = z
  .array(nodePort)
  .min(1)
  .max(64)
  .superRefine((entries, context) => {
    for (const [index, { port }] of entries.entries()) {
      if (entries.findIndex((entry) => entry.port === port) === index) continue;
      const params = { remedy: 'Keep one entry for each port' };
      context.addIssue({ code: 'custom', path: [index, 'port'], message: samePort, params });
    }
  })
  .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['port'] });

const loadBalancerOnly = { tag: 'type', fallback: 'LoadBalancer', values: ['ClusterIP', 'NodePort'] };
const externalOnly = { tag: 'type', fallback: 'LoadBalancer', values: ['ClusterIP'] };

export const serviceSchema = notWith(
  notWith(
    z.strictObject({
      type: field(
        z.enum(['LoadBalancer', 'NodePort', 'ClusterIP']).optional(),
        'LoadBalancer (the default), NodePort, or ClusterIP, which is reached only from inside the cluster.',
        'LoadBalancer',
      ),
      annotations: field(
        extraAnnotations.optional(),
        'Annotations of the Service, which load balancers are configured by.',
        { 'service.beta.kubernetes.io/aws-load-balancer-scheme': 'internet-facing' },
      ),
      labels: field(extraLabels.optional(), 'Labels of the Service, which some load balancers select by.', {
        'example.com/pool': 'public',
      }),
      loadBalancerClass: field(
        labelKey.optional(),
        'Which implementation serves the load balancer; the cluster’s default when absent. It cannot be changed later.',
        'service.k8s.aws/nlb',
      ),
      loadBalancerSourceRanges: field(
        z.array(cidr).min(1).max(256).optional(),
        'Clients that the load balancer lets through, where its implementation can; everybody when absent.',
        ['203.0.113.0/24'],
      ),
      allocateLoadBalancerNodePorts: field(
        z.boolean().optional(),
        'False where the load balancer reaches Pods itself and needs no port of the nodes; true when absent.',
        false,
      ),
      externalTrafficPolicy: field(
        z.enum(['Cluster', 'Local']).optional(),
        'Local keeps the client’s address and sends traffic only to nodes with an Envoy; Cluster (what Kubernetes does when absent) may replace the address by a node’s, which ipBlocks, remoteIpBlocks and clientIP limits then see.',
        'Local',
      ),
      nodePorts: field(nodePorts.optional(), 'Fixed ports of the nodes; the cluster chooses where absent.', [
        { port: 443, nodePort: 30443 },
      ]),
    }),
    ['loadBalancerClass', 'loadBalancerSourceRanges', 'allocateLoadBalancerNodePorts'],
    loadBalancerOnly,
  ),
  ['externalTrafficPolicy', 'nodePorts'],
  externalOnly,
);

export type ServiceSpec = z.infer<typeof serviceSchema>;
