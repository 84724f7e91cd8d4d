/** `timeouts` of a rule: Gateway API HTTPRouteTimeouts (GEP-1742). */
import { z } from 'zod';
import { duration, field } from '../../schema/fields.ts';

export const timeoutsSchema = z.strictObject({
  request: field(
    duration.optional(),
    'Longest time for the whole exchange, retries included, as h, m, s and ms; 504 past it. When absent, 15s, or `backendRequest` if that is longer; no limit when 0s.',
    '5s',
  ),
  backendRequest: field(
    duration.optional(),
    'Longest time for one attempt at a backend; 504 past it. Never more than `request`.',
    '2s',
  ),
});

export type TimeoutsSpec = z.infer<typeof timeoutsSchema>;
