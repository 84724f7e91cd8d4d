/** AuthPolicy and RateLimitPolicy: what users write. */
import { z } from 'zod';
import { authorizeSchema } from '../features/authorize/schema.ts';
import { authenticateSchema } from '../features/jwt/schema.ts';
import { limitSchema } from '../features/limits/schema.ts';
import { field, labelName, namedList, objectName } from '../schema/fields.ts';

const targetName = field(objectName, 'Name of the target, in the namespace of the policy.', 'orders');

/** Of an AuthPolicy. */
export const authTargetSchema = z.strictObject({
  kind: field(
    z.enum(['ApiGateway', 'Route', 'Service']),
    'Kind of the target. A policy on a Service binds whoever calls it: through the rules of any Route that sends to it, and inside the mesh.',
    'Route',
  ),
  name: targetName,
  sectionName: field(
    labelName.optional(),
    'Only this listener of an ApiGateway, this rule of a Route, or this port of a Service, by its name; all of the target when absent.',
    'read',
  ),
});

/** Of a RateLimitPolicy. */
export const limitTargetSchema = z.strictObject({
  kind: field(
    z.enum(['ApiGateway', 'Route']),
    'Kind of the target. Not a Service: limits count at the gateway, so target the Routes that send to it.',
    'Route',
  ),
  name: targetName,
  sectionName: field(
    labelName.optional(),
    'Only this listener of an ApiGateway, or this rule of a Route; all of the target when absent.',
    'read',
  ),
});

function targetRefs<T extends z.ZodType>(target: T): z.ZodArray<T> {
  return field(
    z.array(target).min(1).max(16),
    'What the policy is about, in its own namespace. Each entry counts by itself.',
    [{ kind: 'Route', name: 'orders', sectionName: 'read' }],
  );
}

export const authPolicySchema = z.strictObject({
  targetRefs: targetRefs(authTargetSchema),
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
    'Who callers must prove to be. It binds every caller of the policy, but those that a rule names by their identity inside the mesh: without authorize, every authenticated one is admitted.',
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
  targetRefs: targetRefs(limitTargetSchema),
  limits: field(namedList(limitSchema, 16), 'Limits; each counts, and a request must be within all of them.', [
    { name: 'per-caller', requests: 100, per: 'Minute', by: [{ claim: 'sub' }] },
  ]),
});

export type TargetRefSpec = z.infer<typeof authTargetSchema>;
export type AuthPolicySpec = z.infer<typeof authPolicySchema>;
export type RateLimitPolicySpec = z.infer<typeof rateLimitPolicySchema>;
