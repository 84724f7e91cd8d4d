/** `status` of the four kinds: what we write and nobody else. */
import { z } from 'zod';
import { field } from '../schema/fields.ts';
import { parentRefSchema } from './route.ts';

const condition = z.strictObject({
  type: field(z.string().max(316), 'Name of the condition.', 'Ready'),
  status: field(z.enum(['True', 'False', 'Unknown']), 'Whether it holds.', 'True'),
  observedGeneration: field(z.int().min(0).optional(), 'The generation of the object that this was found for.', 3),
  lastTransitionTime: field(
    z.iso.datetime({ offset: true }).max(64),
    'When the status last changed.',
    '2026-01-01T00:00:00Z',
  ),
  reason: field(z.string().max(1024), 'One word for why.', 'Ready'),
  message: field(z.string().max(32_768), 'Why, in sentences.', 'Every rule is served.'),
});

const conditions = field(
  z
    .array(condition)
    .max(16)
    .optional()
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] }),
  'What is known of the object: Accepted, Ready, Programmed, Reconciling, Stalled and others.',
  [
    {
      type: 'Ready',
      status: 'True',
      lastTransitionTime: '2026-01-01T00:00:00Z',
      reason: 'Ready',
      message: 'Every rule is served.',
    },
  ],
);

const observedGeneration = field(
  z.int().min(-1).optional(),
  'The generation of the object that this status was found for; -1 before the first.',
  3,
);

const count = (description: string) => field(z.int().min(0).optional(), description, 2);
const line = (description: string, example: string) => field(z.string().max(4096).optional(), description, example);

const listenerStatus = z.strictObject({
  name: field(z.string().max(63), 'Name of the listener.', 'https'),
  attachedRoutes: field(z.int().min(0), 'Routes attached to it.', 12),
  conditions,
});

/** Gateway API GatewayStatusAddress. */
const address = z.strictObject({
  type: field(z.enum(['IPAddress', 'Hostname']), 'What the value is.', 'IPAddress'),
  value: field(z.string().max(253), 'The address, or the host name of a load balancer.', '203.0.113.7'),
});

export const apiGatewayStatus = z.strictObject({
  observedGeneration,
  conditions,
  revision: line('Content hash of what Envoy is told.', '5f1c0ab2'),
  addresses: field(z.array(address).max(64).optional(), 'Where clients reach it, as its Service says.', [
    { type: 'IPAddress', value: '203.0.113.7' },
  ]),
  attachedRoutes: count('Routes attached to any listener.'),
  mesh: line(
    'How it is in a mesh, of how many workloads behind it what is written holds, and what stands against it (the reason of MeshEnforced).',
    'Sidecar, mTLS Strict, 3/4 workloads enforced, NotEnrolled',
  ),
  listeners: field(
    z
      .array(listenerStatus)
      .max(64)
      .optional()
      .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] }),
    'Each listener, with what became of it.',
    [],
  ),
});

const parentStatus = z.strictObject({
  parentRef: parentRefSchema.meta({ description: 'The parentRef, as written.', examples: [{ name: 'edge' }] }),
  conditions,
});

export const routeStatus = z.strictObject({
  observedGeneration,
  conditions,
  hosts: line('Hosts that it serves.', 'api.shop.example.com'),
  gateways: line('ApiGateways that it is attached to.', 'gateways/edge'),
  auth: line('How its rules are guarded: Covered, Uncovered, Blocked or Public.', 'Covered'),
  parents: field(z.array(parentStatus).max(32).optional(), 'Each parentRef, with what became of it.', []),
});

/** One workload at one point of the mesh. */
const enforcement = z.strictObject({
  point: field(z.enum(['sidecar', 'waypoint', 'ztunnel']), 'Which proxy of the mesh decides.', 'sidecar'),
  workload: field(
    z.string().max(317),
    'The Service, `namespace/name`; of several with the same Pods the first.',
    'shop/orders',
  ),
  enforced: field(z.boolean(), 'Whether what the policy asks for is enforced there.', true),
  reason: field(z.string().max(1024), 'One word for why.', 'Full'),
  message: field(z.string().max(1024).optional(), 'Why, in a sentence.', 'every rule is enforced'),
});

export const authPolicyStatus = z.strictObject({
  observedGeneration,
  conditions,
  target: line('What it is about.', 'Route/orders'),
  rules: count('Rules that it enforces.'),
  enforcement: field(
    z.array(enforcement).max(16).optional(),
    'Where the mesh enforces it: each workload that it is about, what is wrong first; 16 at most.',
    [{ point: 'sidecar', workload: 'shop/orders', enforced: true, reason: 'Full' }],
  ),
});

export const rateLimitPolicyStatus = z.strictObject({
  observedGeneration,
  conditions,
  target: line('What it is about.', 'Route/orders'),
  limits: line('Its limits.', '100/Minute by claim sub'),
});
