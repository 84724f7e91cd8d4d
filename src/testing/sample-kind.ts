/** A kind with one of everything that our API uses, for tests of the generators. */
import { z } from 'zod';
import type { KindDefinition } from '../api/kind.ts';
import { duration, field, labelName, portNumber } from '../schema/fields.ts';
import { refusing } from '../schema/refuse.ts';

const match = z.discriminatedUnion('type', [
  z.strictObject({
    type: field(z.literal('Exact'), 'How value is compared.', 'Exact'),
    value: field(
      z
        .string()
        .max(64)
        .regex(/^\/[a-z/]*$/, 'must be a path'),
      'What to compare with.',
      '/orders',
    ),
  }),
  z.strictObject({
    type: field(z.literal('RegularExpression'), 'How value is compared.', 'RegularExpression'),
    value: field(z.string().max(128), 'What to compare with.', '/[0-9]+'),
    flags: field(z.enum(['i', 'm']).optional(), 'Flags of the expression.', 'i'),
  }),
]);

export const sampleSpec = z.strictObject({
  port: field(portNumber, 'Port to listen on.', 8080),
  mode: field(z.enum(['Enforce', 'Shadow']).default('Enforce'), 'Whether it refuses.', 'Shadow'),
  timeout: field(duration.optional(), 'Longest time for a request.', '5s'),
  labels: field(
    z
      .record(z.string().max(20), z.string().max(10))
      .refine((labels) => Object.keys(labels).length <= 3, 'must have at most 3 entries')
      .meta({ maxProperties: 3 })
      .optional(),
    'Labels of the workload.',
    { team: 'shop' },
  ),
  rules: field(
    z
      .array(
        z.strictObject({
          name: field(refusing(labelName, /^x-/, 'must not start with x-'), 'Name of the rule.', 'read'),
          match: field(match.optional(), 'What it takes.', { type: 'Exact', value: '/orders' }),
          redirect: field(
            z
              .union([
                z.strictObject({ host: field(labelName, 'Where to.', 'shop') }),
                z.strictObject({ path: field(z.string().max(32), 'Where to.', '/x') }),
              ])
              .optional(),
            'Sends callers elsewhere.',
            { host: 'shop' },
          ),
          share: field(z.union([z.int(), z.string().max(4)]).optional(), 'Share of the traffic.', '10%'),
          enabled: field(z.boolean().optional(), 'Off when false.', true),
        }),
      )
      .max(4)
      .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] }),
    'Rules, in order.',
    [{ name: 'read' }],
  ),
});

export const sampleKind: KindDefinition = {
  kind: 'Sample',
  plural: 'samples',
  singular: 'sample',
  shortNames: ['smp'],
  description: 'A kind that exists only in tests.',
  spec: sampleSpec,
  status: z.strictObject({
    observedGeneration: field(z.int().optional(), 'The generation that was seen last; -1 before the first.', 3),
    revision: field(z.string().max(64).optional(), 'What is served.', 'abc'),
  }),
  rules: [{ rule: "self.mode == 'Shadow' || size(self.rules) > 0", message: 'rules may be empty only in mode Shadow' }],
  columns: [
    { name: 'Ready', type: 'string', jsonPath: '.status.ready', description: 'Whether it serves.' },
    { name: 'Revision', type: 'string', jsonPath: '.status.revision', description: 'What it serves.', priority: 1 },
  ],
};
