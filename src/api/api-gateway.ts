/** ApiGateway: what users write. */
import { z } from 'zod';
import { listenerSchema } from '../features/listeners/schema.ts';
import { meshSchema } from '../features/mesh/schema.ts';
import { serviceSchema } from '../features/service/schema.ts';
import { telemetrySchema } from '../features/telemetry/schema.ts';
import { workloadSchema } from '../features/workload/schema.ts';
import { defaultClass } from '../ir/class-name.ts';
import { field, labelName, namedList } from '../schema/fields.ts';

export const apiGatewaySchema = z.strictObject({
  className: field(
    labelName.optional(),
    'Name of the operator that serves it, where a cluster has several; evengate when absent.',
    defaultClass,
  ),
  listeners: field(
    namedList(listenerSchema, 64),
    'Ports that the gateway opens. Several may share a port when their hostnames differ.',
    [{ name: 'web', port: 80, protocol: 'HTTP' }],
  ),
  defaultAccess: field(
    z.enum(['Deny', 'Public']).optional(),
    'What becomes of a rule that no AuthPolicy covers: Deny (the default) answers 403, Public lets everyone pass.',
    'Deny',
  ),
  mesh: field(meshSchema.optional(), 'How the mesh enforces the same policies behind the gateway (Istio).', {
    mode: 'Sidecar',
  }),
  clientIP: field(
    z
      .strictObject({
        trustedHops: field(
          z.int().min(0).max(16).optional(),
          'How many proxies in front append to X-Forwarded-For and are trusted: the client is the address that the outermost of them saw. 0 (the default) takes the TCP peer.',
          1,
        ),
      })
      .optional(),
    'How the address of the client is found, which remoteIpBlocks and clientIP limits look at.',
    { trustedHops: 1 },
  ),
  workload: field(workloadSchema.optional(), 'How its Envoys run.', { replicas: 3 }),
  service: field(serviceSchema.optional(), 'How clients reach its Envoys: the Service in front of them.', {
    type: 'LoadBalancer',
  }),
  telemetry: field(telemetrySchema.optional(), 'What they tell of each request: an access log, and spans.', {
    accessLog: { filter: { minStatus: 400 } },
  }),
});

export type ApiGatewaySpec = z.infer<typeof apiGatewaySchema>;
