/** Route: what users write. */
import { z } from 'zod';
import { answers, ruleFeatures } from '../features/index.ts';
import { matchesSchema } from '../features/matches/schema.ts';
import { exactlyOne, onlyBeside } from '../schema/choice.ts';
import { field, hostname, labelName, objectName, portNumber, refuseSameNames } from '../schema/fields.ts';

export const parentRefSchema = z.strictObject({
  name: field(objectName, 'Name of the ApiGateway.', 'edge'),
  namespace: field(labelName.optional(), 'Namespace of the ApiGateway; the Route’s own when absent.', 'gateways'),
  sectionName: field(labelName.optional(), 'Only this listener; every one that admits the Route when absent.', 'https'),
  port: field(portNumber.optional(), 'Only listeners on this port.', 443),
});

type FeatureSpecs = {
  [F in (typeof ruleFeatures)[number] as F['name']]: z.ZodOptional<F['schema']>;
};

const featureFields = Object.fromEntries(
  ruleFeatures.map((feature) => [
    feature.name,
    (feature.schema as z.ZodType).optional().meta({ description: feature.description, examples: [feature.example] }),
  ]),
) as FeatureSpecs;

const onTheWay = ruleFeatures.flatMap((feature) =>
  'needsBackend' in feature && feature.needsBackend ? [feature.name] : [],
);

export const ruleSchema = onlyBeside(
  exactlyOne(
    z.strictObject({
      name: field(labelName.optional(), 'Name of the rule: targetRefs use it as sectionName.', 'read'),
      matches: matchesSchema,
      ...featureFields,
    }),
    answers,
  ),
  onTheWay,
  'backendRefs',
);

export const routeSchema = z.strictObject({
  parentRefs: field(
    z.array(parentRefSchema).min(1).max(32),
    'ApiGateways, or listeners of them, that the Route attaches to. Their allowedRoutes must admit its namespace.',
    [{ name: 'edge', namespace: 'gateways', sectionName: 'https' }],
  ),
  hostnames: field(
    z.array(hostname).max(16).optional(),
    'Hosts that the Route serves, exact or `*.` before a suffix, as far as the listener owns them; every host of the listener when absent.',
    ['api.shop.example.com'],
  ),
  rules: field(
    z
      .array(ruleSchema)
      .min(1)
      .max(64)
      .superRefine(refuseSameNames)
      .meta({
        'x-kubernetes-validations': [
          {
            rule: 'self.all(rule, !has(rule.name) || self.exists_one(other, has(other.name) && other.name == rule.name))',
            message: 'names of rules must be unique',
          },
        ],
      }),
    'What is matched, and what becomes of it: each rule has exactly one of redirect, respond and backendRefs. Their order decides only between equal matches.',
    [{ name: 'read', matches: [{ method: 'GET' }], backendRefs: [{ name: 'orders', port: 80 }] }],
  ),
});

export type RouteSpec = z.infer<typeof routeSchema>;
export type RouteRuleSpec = z.infer<typeof ruleSchema>;
export type ParentRefSpec = z.infer<typeof parentRefSchema>;
