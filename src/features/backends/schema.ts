/** `backendRefs` of a rule: Gateway API HTTPBackendRef. */
import { z } from 'zod';
import { field, labelName, objectName, portNumber } from '../../schema/fields.ts';
import { headersSchema } from '../header-edits.ts';

const backendRef = z.strictObject({
  group: field(z.string().max(253).optional(), 'Group of the backend; the core group when absent.', ''),
  kind: field(z.string().min(1).max(63).optional(), 'Kind of the backend; Service when absent.', 'Service'),
  name: field(objectName, 'Name of the Service.', 'orders'),
  namespace: field(
    labelName.optional(),
    'Namespace of the Service; the Route’s own when absent. Another one needs a ReferenceGrant there.',
    'shop',
  ),
  port: field(portNumber, 'Port of the Service.', 80),
  weight: field(
    z.int().min(0).max(1_000_000).optional(),
    'Share of the requests, relative to the sum; 1 when absent.',
    90,
  ),
  requestHeaders: headersSchema.optional().meta({
    description: 'Changes to the headers of requests to this backend.',
    examples: [{ set: [{ name: 'x-canary', value: 'true' }] }],
  }),
  responseHeaders: headersSchema.optional().meta({
    description: 'Changes to the headers of answers from this backend.',
    examples: [{ add: [{ name: 'x-served-by', value: 'canary' }] }],
  }),
});

export const backendRefsSchema = z.array(backendRef).max(16);

export type BackendRefSpec = z.infer<typeof backendRef>;
