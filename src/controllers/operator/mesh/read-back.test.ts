/** Conditions as istiod has been seen to write them. */
import { expect, test } from '@jest/globals';
import type { AuthorizationPolicy, IstioCondition, SecurityObject } from '../../../istio/security.ts';
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
const partly =
  'ztunnel does not take up all of AuthorizationPolicy shop/a: ztunnel does not support HTTP attributes (found: methods)';
const accepted = { reason: 'Accepted', message: 'attached to ztunnel', observedGeneration: '2' };
const unbound = {
  type: 'WaypointAccepted',
  status: 'False',
  reason: 'AncestorNotBound',
  message: 'Service "shop/web" is not bound to a waypoint',
  observedGeneration: '2',
};

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
    policy(unbound),
    'Ambient',
    {
      waypoint:
        'waypoint does not take up all of AuthorizationPolicy shop/a: Service "shop/web" is not bound to a waypoint',
    },
  ],
  ['bound', policy({ ...unbound, status: 'True', reason: 'Accepted' }), 'Ambient', undefined],
])('%s', (_, object, mode, expected) => {
  expect(against([object], { mode })).toEqual(expected);
});

test('of kinds that have no status nothing is expected', () => {
  const metadata = { name: 'a', namespace: 'shop', generation: 1 };
  const kinds = ['RequestAuthentication', 'PeerAuthentication'] as const;
  const objects = kinds.map((kind) => ({ apiVersion: 'security.istio.io/v1', kind, metadata }) as SecurityObject);
  expect(against(objects, { mode: 'Ambient' })).toBeUndefined();
});
