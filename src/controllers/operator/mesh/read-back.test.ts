/** Conditions as istiod has been seen to write them. */
import { describe, expect, test } from '@jest/globals';
import type { AuthorizationPolicy, IstioCondition, SecurityObject } from '../../../istio/security.ts';
import { type Service, waypointBound } from '../../../kube/core.ts';
import type { Condition } from '../../../kube/object.ts';
import type { Objection } from '../../../reconcilers/mesh.ts';
import { object } from '../../../testing/build.ts';
import { against } from './read-back.ts';

function policy(condition: Partial<IstioCondition> | undefined, annotations: Readonly<Record<string, string>> = {}) {
  return {
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { name: 'a', namespace: 'shop', generation: 2, annotations },
    spec: { action: 'ALLOW' },
    ...(condition && { status: { conditions: [{ type: 'ZtunnelAccepted', status: 'True', ...condition }] } }),
  } as AuthorizationPolicy;
}

const unsupported = {
  reason: 'UnsupportedValue',
  message: 'ztunnel does not support HTTP attributes (found: methods).',
  observedGeneration: '2',
};
const partly: Objection = {
  reason: 'NotTranslatable',
  message:
    'ztunnel does not take up all of AuthorizationPolicy shop/a: ztunnel does not support HTTP attributes (found: methods)',
};
const accepted = { reason: 'Accepted', message: 'attached to ztunnel', observedGeneration: '2' };
const atWaypoint = { type: 'WaypointAccepted', status: 'False', observedGeneration: '2' };
const orphan = { ...atWaypoint, reason: 'AncestorNotBound', message: 'Service shop/web is not bound to a waypoint' };

interface Given {
  readonly mode?: 'Sidecar' | 'Ambient';
  readonly enforcement?: 'Enforce' | 'Shadow';
  /** What Istio says of Service shop/web; undefined leaves the workload without a waypoint. */
  readonly bound?: Partial<IstioCondition> | 'nothing';
  readonly silent?: boolean;
}

function said(stored: readonly SecurityObject[], given: Given = {}) {
  const { mode = 'Ambient', enforcement = 'Enforce', bound, silent = false } = given;
  const waypoint = bound === undefined ? undefined : { name: 'wp', managed: false };
  const condition = bound === 'nothing' ? [] : [{ type: waypointBound, status: 'False', ...bound } as Condition];
  const service = { ...object('Service', 'web', {}), status: { conditions: condition } } as Service;
  return against(
    {
      namespace: 'shop',
      services: ['unnamed', 'web'],
      closed: [{ service: 'web', port: 80, targets: [80] }],
      settings: { mode, enforcement, waypoint },
    },
    {
      stored,
      service: (key) => (key === 'shop/web' ? service : undefined),
      isSilent: (key) => silent && key === 'shop/wp',
    },
  );
}

test.each<readonly [string, SecurityObject, 'Sidecar' | 'Ambient', object | undefined]>([
  ['nothing yet, or no istiod for ambient', policy(undefined), 'Ambient', undefined],
  ['attached', policy(accepted), 'Ambient', undefined],
  ['True, for a part of it', policy(unsupported), 'Ambient', { ztunnel: partly }],
  ['of another generation', policy({ ...unsupported, observedGeneration: '1' }), 'Ambient', undefined],
  ['of a number', policy({ ...unsupported, observedGeneration: 2 }), 'Ambient', { ztunnel: partly }],
  ['about ztunnel, where there is none', policy(unsupported), 'Sidecar', undefined],
  ['of a trial', policy(unsupported, { 'istio.io/dry-run': 'true' }), 'Ambient', undefined],
  [
    'no waypoint',
    policy(orphan),
    'Ambient',
    {
      waypoint: {
        reason: 'NotEnrolled',
        message: 'no waypoint reads AuthorizationPolicy shop/a: Service shop/web is not bound to a waypoint',
      },
    },
  ],
  [
    'one of several Services without a waypoint',
    policy({
      ...atWaypoint,
      status: 'True',
      reason: 'PartiallyInvalid',
      message: 'Invalid targetRefs: Service.core:shop/b',
    }),
    'Ambient',
    {
      waypoint: {
        reason: 'NotEnrolled',
        message: 'no waypoint reads AuthorizationPolicy shop/a: Invalid targetRefs: Service.core:shop/b',
      },
    },
  ],
  [
    'a Service that is gone',
    policy({ ...atWaypoint, reason: 'TargetNotFound', message: 'Service shop/web was not found' }),
    'Ambient',
    {
      waypoint: {
        reason: 'NotEnrolled',
        message: 'no waypoint reads AuthorizationPolicy shop/a: Service shop/web was not found',
      },
    },
  ],
  ['bound', policy({ ...orphan, status: 'True', reason: 'Accepted' }), 'Ambient', undefined],
])('%s', (_, stored, mode, expected) => {
  expect(said([stored], { mode })).toEqual(expected);
});

test('of kinds that have no status nothing is expected', () => {
  const metadata = { name: 'a', namespace: 'shop', generation: 1 };
  const kinds = ['RequestAuthentication', 'PeerAuthentication'] as const;
  const objects = kinds.map((kind) => ({ apiVersion: 'security.istio.io/v1', kind, metadata }) as SecurityObject);
  expect(said(objects)).toBeUndefined();
});

describe('a Service without the waypoint that its Pods admit', () => {
  const attached = 'Successfully attached to waypoint';
  const label = 'label it istio.io/use-waypoint: wp';
  const notReady = (name: string) => ({ reason: 'WaypointIsNotReady', message: `waypoint "${name}" is not ready` });
  const until = '; until then ztunnel, which admits what comes by waypoint shop/wp alone, refuses its callers';

  test.each<[string, Given['bound'], string | undefined]>([
    ['has it', { status: 'True', message: `${attached} shop/wp` }, undefined],
    ['has it, with more to say', { status: 'True', message: `${attached} shop/wp. Ingress traffic will.` }, undefined],
    ['has it, in words that nobody knows', { status: 'True', message: 'bound' }, undefined],
    ['has none', 'nothing', `has no waypoint: ${label} (spec.mesh.enrolment: Managed of the ApiGateway does so)`],
    [
      'has another one',
      { status: 'True', message: `${attached} shop/other. Ingress traffic will traverse the waypoint` },
      `has waypoint shop/other, and not shop/wp: ${label}, or name that one in spec.mesh.waypoint`,
    ],
    [
      'has one of its name elsewhere',
      { status: 'True', message: `${attached} infra/wp` },
      `has waypoint infra/wp, and not shop/wp: ${label}, or name that one in spec.mesh.waypoint`,
    ],
    [
      'waits for it',
      notReady('shop/wp'),
      'waits for its waypoint (waypoint "shop/wp" is not ready): create Gateway shop/wp of class istio-waypoint (spec.mesh.waypoint.managed of the ApiGateway does so), and see to its Pods',
    ],
    [
      'asks for another one',
      notReady('shop/other'),
      `asks for another waypoint (waypoint "shop/other" is not ready): ${label}, or name that one in spec.mesh.waypoint`,
    ],
    [
      'may not have it',
      { reason: 'AttachmentDenied', message: 'we are not permitted.' },
      'may not have its waypoint (we are not permitted): let Gateway shop/wp take it, by allowedRoutes and the label istio.io/waypoint-for: service',
    ],
  ])('%s', (_, bound, why) => {
    const message = `Service shop/web ${why}${until}`;
    const expected = why === undefined ? undefined : { waypoint: { reason: 'NotEnrolled', message } };
    // It says more than what Istio says of the policy.
    expect(said(why === undefined ? [] : [policy(orphan)], bound === undefined ? {} : { bound })).toEqual(expected);
  });

  test('is not asked for before anything is enforced', () => {
    expect(said([], { bound: 'nothing', enforcement: 'Shadow' })).toBeUndefined();
  });
});

test('a waypoint of which no Pod is ready answers nobody yet, whatever Istio says', () => {
  const bound = { status: 'True', message: 'Successfully attached to waypoint shop/wp' };
  expect(said([], { bound, silent: true })).toEqual({
    waypoint: {
      reason: 'Pending',
      message: 'no Pod of waypoint shop/wp is ready, so nothing answers there yet, and ztunnel lets nobody pass it by',
    },
  });
  // The worse is said.
  expect(said([], { bound: 'nothing', silent: true })?.waypoint?.reason).toBe('NotEnrolled');
});
