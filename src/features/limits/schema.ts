/** `limits` of a RateLimitPolicy. */
import { z } from 'zod';
import { exactlyOne } from '../../schema/choice.ts';
import { claimName, field, headerName, labelName } from '../../schema/fields.ts';

const key = exactlyOne(
  z.strictObject({
    claim: field(claimName.optional(), 'A claim of the verified token: its name, or a JSON Pointer (RFC 6901).', 'sub'),
    header: field(headerName.optional(), 'Name of a request header; case is ignored.', 'x-tenant'),
    clientIP: field(
      z.literal(true).optional(),
      'The address of the client, behind trusted proxies; an IPv6 client by its /64.',
      true,
    ),
  }),
  ['claim', 'header', 'clientIP'],
);

export const limitSchema = z.strictObject({
  name: field(labelName, 'Name of the limit within the policy.', 'per-caller'),
  requests: field(
    z.int().min(1).max(4_294_967_295),
    'Requests that may pass in one `per`; also the size of a burst.',
    100,
  ),
  per: field(
    z.enum(['Second', 'Minute', 'Hour', 'Day']),
    'The span in which `requests` are refilled, evenly.',
    'Minute',
  ),
  scope: field(
    z.enum(['Local']).optional(),
    'Where requests are counted. Local (the default): by each Envoy on its own, so n replicas let n times as many pass.',
    'Local',
  ),
  by: field(
    z.array(key).max(4).optional(),
    'What has a count of its own: every distinct combination of these. Requests that lack one share one count. One count for all when absent.',
    [{ claim: 'sub' }],
  ),
  mode: field(
    z.enum(['Enforce', 'Shadow']).optional(),
    'Enforce (the default) answers 429 past the limit; Shadow only counts.',
    'Enforce',
  ),
});

export type LimitSpec = z.infer<typeof limitSchema>;
