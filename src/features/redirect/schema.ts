/** `redirect` of a rule: Gateway API HTTPRequestRedirectFilter. */
import { z } from 'zod';
import { exactHostname, field, portNumber } from '../../schema/fields.ts';
import { pathModifierSchema } from '../path-modifier.ts';

const statusCode = z.literal([301, 302, 303, 307, 308]);

export const redirectSchema = z.strictObject({
  scheme: field(
    z.enum(['http', 'https']).optional(),
    'Scheme of the Location; the request’s own when absent.',
    'https',
  ),
  hostname: field(exactHostname.optional(), 'Host of the Location; the request’s own when absent.', 'shop.example.com'),
  path: pathModifierSchema.optional(),
  port: field(
    portNumber.optional(),
    'Port of the Location. When absent: the well-known port of `scheme`, or without one the port of the listener.',
    8443,
  ),
  statusCode: field(statusCode.optional(), 'Status code; 302 when absent.', 301),
});

export type RedirectSpec = z.infer<typeof redirectSchema>;
