/** `rewrite` of a rule: Gateway API HTTPURLRewriteFilter. */
import { z } from 'zod';
import { exactHostname, field } from '../../schema/fields.ts';
import { pathModifierSchema } from '../path-modifier.ts';

export const rewriteSchema = z.strictObject({
  hostname: field(
    exactHostname.optional(),
    'Host that the backend sees; the client’s own when absent.',
    'orders.internal',
  ),
  path: pathModifierSchema.optional(),
});

export type RewriteSpec = z.infer<typeof rewriteSchema>;
