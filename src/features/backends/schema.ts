/** `backendRefs` of a rule: Gateway API HTTPBackendRef. */
import { z } from 'zod';
import { field, labelName, objectName, portNumber, shortText } from '../../schema/fields.ts';
import { headersSchema } from '../header-edits.ts';

/** Gateway API Group and Kind: unknown ones are well-formed, and answer 500 for their share. */
const groupName = z
  .string()
  .max(253, { abort: true })
  .regex(
    /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)?$/,
    'must be an API group such as apps, or ""',
  );
const kindName = shortText(63).regex(/^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$/, 'must be a kind such as Service');

const backendRef = z.strictObject({
  group: field(groupName.optional(), 'Group of the backend; the core group when absent.', ''),
  kind: field(kindName.optional(), 'Kind of the backend; Service when absent.', 'Service'),
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
