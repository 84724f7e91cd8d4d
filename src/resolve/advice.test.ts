import { expect, test } from '@jest/globals';
import type { Guard } from '../ir/guard.ts';
import { parsePattern } from '../policy/pattern.ts';
import { authPolicy, configMap, gateway, route, routeTarget, service, serviceTarget } from '../testing/build.ts';
import { compile } from '../testing/compile.ts';
import { peerAddressAdvice } from './advice.ts';

const policy = { kind: 'AuthPolicy', namespace: 'shop', name: 'office' };

function guardOn(kind: 'directIp' | 'remoteIp'): Extract<Guard, { readonly kind: 'guarded' }> {
  const constraint = { attribute: { kind }, negated: false, anyOf: [parsePattern('10.0.0.0/8')] };
  return {
    kind: 'guarded',
    covered: true,
    decision: { deny: [], allow: [{ constraints: [constraint], sources: [{ policy, rule: 'office' }] }] },
    issuers: [],
    policies: [policy],
    parts: [],
  };
}

test('ipBlocks behind a trusted proxy are pointed out, remoteIpBlocks and a real edge are not', () => {
  expect(peerAddressAdvice(guardOn('directIp'), 1)).toMatchObject([
    { about: policy, severity: 'warning', at: 'spec.authorize' },
  ]);
  expect(peerAddressAdvice(guardOn('directIp'), 0)).toEqual([]);
  expect(peerAddressAdvice(guardOn('remoteIp'), 1)).toEqual([]);
});

const inside = { allow: [{ name: 'batch', from: [{ serviceAccounts: ['billing/batch'] }] }] };
const meshConfig = configMap(
  { mesh: 'pathNormalization: {normalization: DECODE_AND_MERGE_SLASHES}' },
  { name: 'istio', namespace: 'istio-system' },
);
const noMesh =
  'AuthPolicy/behind spec.authorize: its rules are about callers inside the mesh, and ApiGateway shop/edge is in none: there they admit and refuse nobody';

test.each<[string, object, readonly object[], readonly string[]]>([
  [
    'callers inside no mesh',
    {},
    [{ targetRefs: [routeTarget()], authorize: { allow: [...inside.allow, { name: 'anyone' }] } }],
    [noMesh],
  ],
  [
    'in a mesh',
    { mode: 'Sidecar' },
    [{ targetRefs: [routeTarget()], authorize: { allow: [...inside.allow, { name: 'anyone' }] } }],
    [],
  ],
  [
    'certificates that nobody asks for',
    {},
    [{ targetRefs: [routeTarget()], authorize: { deny: [{ from: [{ clientCertificates: ['*'] }] }] } }],
    [
      'AuthPolicy/behind spec.authorize: its rules look at certificates of clients, and no listener of ApiGateway shop/edge asks for one',
    ],
  ],
  [
    'nobody from outside',
    { mode: 'Sidecar' },
    [{ targetRefs: [serviceTarget()], authorize: inside }],
    [
      'Route/orders spec.rules[0]: rule all answers 403 to everyone from outside, because AuthPolicy shop/behind admits callers inside the mesh alone',
    ],
  ],
  [
    'nobody at all, which is meant',
    { mode: 'Sidecar' },
    [{ targetRefs: [routeTarget()], authorize: { allow: [] } }],
    [],
  ],
])('advice on %s', (_, mesh, [spec = {}], expected) => {
  const objects = [
    gateway({ mesh }),
    meshConfig,
    service({ selector: { app: 'orders' } }),
    route(),
    authPolicy(),
    authPolicy(spec, { name: 'behind' }),
  ];
  const { findings } = compile(objects).resolution;
  expect(findings.map(({ about, at, message }) => `${about.kind}/${about.name} ${at}: ${message}`)).toEqual(expected);
});
