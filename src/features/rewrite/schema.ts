/** `rewrite` of a rule: Gateway API HTTPURLRewriteFilter. */
import { z } from 'zod';
import { field, hostname } from '../../schema/fields.ts';
import { pathModifierSchema } from '../path-modifier.ts';

const exactHost = hostname
  .refine((host) => !host.startsWith('*'), 'must be an exact hostname')
  .meta({ 'x-kubernetes-validations': [{ rule: "!self.startsWith('*')", message: 'must be an exact hostname' }] });

export const rewriteSchema = z.strictObject({
  hostname: field(exactHost.optional(), 'Host that the backend sees; the client’s own when absent.', 'orders.internal'),
  path: pathModifierSchema.optional(),
});

export type RewriteSpec = z.infer<typeof rewriteSchema>;
