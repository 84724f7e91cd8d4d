/** AuthPolicy and RateLimitPolicy: what users write. */
import { z } from 'zod';
import { authorizeSchema } from '../features/authorize/schema.ts';
import { authenticateSchema } from '../features/jwt/schema.ts';
import { limitSchema } from '../features/limits/schema.ts';
import { field, labelName, namedList, objectName } from '../schema/fields.ts';

export const targetRefSchema = z.strictObject({
  kind: field(z.enum(['ApiGateway', 'Route']), 'Kind of the target.', 'Route'),
  name: field(objectName, 'Name of the target, in the namespace of the policy.', 'orders'),
  sectionName: field(
    labelName.optional(),
    'Only this listener of an ApiGateway, or this rule of a Route; all of the target when absent.',
    'read',
  ),
});

const targetRefs = field(
  z.array(targetRefSchema).min(1).max(16),
  'What the policy is about, in its own namespace. Each entry counts by itself.',
  [{ kind: 'Route', name: 'orders', sectionName: 'read' }],
);

export const authPolicySchema = z.strictObject({
  targetRefs,
  mode: field(
    z.enum(['Enforce', 'Shadow']).optional(),
    'Enforce (the default), or Shadow: what would be refused is counted, and nothing is refused or covered.',
    'Enforce',
  ),
  sufficient: field(
    z.boolean().optional(),
    'Lets a policy on an ApiGateway or listener cover the Routes there, so that they need none of their own; false when absent: it only tightens.',
    true,
  ),
  authenticate: field(
    authenticateSchema.optional(),
    'Who callers must prove to be. It binds every caller of the policy: without authorize, every authenticated one is admitted.',
    { jwt: [{ name: 'corp', issuer: 'https://login.example.com', jwks: { configMapRef: { name: 'corp-keys' } } }] },
  ),
  authorize: field(
    authorizeSchema.optional(),
    'What callers may do. When absent, every caller that authenticate admits may do everything.',
    {
      allow: [{ name: 'readers', to: [{ methods: ['GET'] }] }],
    },
  ),
});

export const rateLimitPolicySchema = z.strictObject({
  targetRefs,
  limits: field(namedList(limitSchema, 16), 'Limits; each counts, and a request must be within all of them.', [
    { name: 'per-caller', requests: 100, per: 'Minute', by: [{ claim: 'sub' }] },
  ]),
});

export type TargetRefSpec = z.infer<typeof targetRefSchema>;
export type AuthPolicySpec = z.infer<typeof authPolicySchema>;
export type RateLimitPolicySpec = z.infer<typeof rateLimitPolicySchema>;
