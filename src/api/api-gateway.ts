/** ApiGateway: what users write. */
import { z } from 'zod';
import { listenerSchema } from '../features/listeners/schema.ts';
import { field, labelName, namedList } from '../schema/fields.ts';

export const defaultClass = 'evengate';

export const apiGatewaySchema = z.strictObject({
  className: field(labelName.optional(), 'Which operator serves it; evengate when absent.', defaultClass),
  listeners: field(namedList(listenerSchema, 64), 'Ports that the gateway opens.', [
    { name: 'web', port: 80, protocol: 'HTTP' },
  ]),
  defaultAccess: field(
    z.enum(['Deny', 'Public']).optional(),
    'What becomes of a rule that no AuthPolicy covers: Deny (the default) answers 403, Public lets everyone pass.',
    'Deny',
  ),
  clientIP: field(
    z
      .strictObject({
        trustedHops: field(
          z.int().min(0).max(16).optional(),
          'Proxies in front that are trusted to append to X-Forwarded-For; 0 when absent.',
          1,
        ),
      })
      .optional(),
    'How the address of the client is found.',
    { trustedHops: 1 },
  ),
});

export type ApiGatewaySpec = z.infer<typeof apiGatewaySchema>;
