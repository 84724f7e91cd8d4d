import { describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../kube/object.ts';
import { emptySnapshot, type Snapshot } from '../kube/snapshot.ts';
import { type Resolution, resolver } from '../resolve/resolve.ts';
import type { Delivery } from '../status/conditions.ts';
import { type ReportedKind, statusOf } from './statuses.ts';
import { statusWorld } from './world.ts';

function object(kind: string, name: string, spec: object, generation = 1): KubeObject {
  return { apiVersion: 'evengate.dev/v1alpha1', kind, metadata: { name, namespace: 'shop', generation }, spec };
}

const edge = object('ApiGateway', 'edge', { listeners: [{ name: 'web', port: 80, protocol: 'HTTP' }] });
const policy = object('AuthPolicy', 'anyone', {
  targetRefs: [{ kind: 'Route', name: 'orders' }],
  authorize: { allow: [{ name: 'anyone' }] },
});
const limit = object('RateLimitPolicy', 'few', {
  targetRefs: [{ kind: 'Route', name: 'orders' }],
  limits: [{ name: 'all', requests: 5, per: 'Minute', scope: 'Local' }],
});

function route(name: string, status: number): KubeObject {
  const rules = [{ matches: [{ path: { type: 'PathPrefix', value: `/${name}` } }], respond: { statusCode: status } }];
  return object('Route', name, { parentRefs: [{ name: 'edge' }], rules });
}

function snapshotOf(...routes: readonly KubeObject[]): Snapshot {
  const keyed = (...objects: readonly KubeObject[]) =>
    new Map(objects.map((one) => [`shop/${one.metadata.name}`, one]));
  return {
    ...emptySnapshot,
    ApiGateway: keyed(edge),
    Route: keyed(...routes),
    AuthPolicy: keyed(policy),
    RateLimitPolicy: keyed(limit),
  };
}

interface Told {
  readonly now: Resolution;
  readonly served?: Resolution;
  readonly delivery?: Delivery;
}

function conditionOf(kind: ReportedKind, of: KubeObject, type: string, { now, served, delivery }: Told) {
  const world = statusWorld(now, now.findings, {
    deliveries: new Map(delivery === undefined ? [] : [['shop/edge', delivery]]),
    served: new Map(served === undefined ? [] : [['shop/edge', served]]),
  });
  const found = statusOf(kind, of, world)?.conditions.find((condition) => condition.type === type);
  return found && `${found.status} ${found.message}`;
}

const orders = route('orders', 201);
const one: Delivery = { revision: 'r2', envoys: { loaded: 1, ready: 2 } };

describe('an object is programmed', () => {
  test('not before every Ready Envoy has what it became', () => {
    const now = resolver()(snapshotOf(orders));
    expect(conditionOf('Route', orders, 'Programmed', { now })).toBe('Unknown 0/0 Envoys of shop/edge serve it');
    expect(conditionOf('Route', orders, 'Programmed', { now, delivery: one })).toBe(
      'Unknown 1/2 Envoys of shop/edge serve it',
    );
    expect(conditionOf('Route', orders, 'Programmed', { now, served: now, delivery: one })).toBe(
      'True Every Ready Envoy of shop/edge serves it',
    );
  });

  test('whatever becomes of its neighbours', () => {
    const resolve = resolver();
    const neighbour = route('carts', 202);
    const before = resolve(snapshotOf(orders, neighbour));
    const now = resolve(snapshotOf(orders, route('carts', 204)));
    const told = { now, served: before, delivery: one };
    expect(conditionOf('Route', orders, 'Programmed', told)).toMatch(/^True/);
    expect(conditionOf('Route', neighbour, 'Programmed', told)).toMatch(/^Unknown/);
    expect(conditionOf('AuthPolicy', policy, 'EdgeEnforced', told)).toBe(
      'True All rules (1) are enforced at the edge.',
    );
  });

  test('and says why an Envoy refuses it', () => {
    const now = resolver()(snapshotOf(orders));
    const delivery: Delivery = { revision: 'r2', rejected: 'it is refused' };
    expect(conditionOf('Route', orders, 'Programmed', { now, delivery })).toBe('False it is refused');
    expect(conditionOf('RateLimitPolicy', limit, 'Programmed', { now, delivery })).toBe('False it is refused');
    expect(conditionOf('AuthPolicy', policy, 'EdgeEnforced', { now, delivery })).toBe('False it is refused');
  });

  test('a policy as its targets are', () => {
    const now = resolver()(snapshotOf(orders));
    const told = { now, served: now, delivery: one };
    expect(conditionOf('RateLimitPolicy', limit, 'Programmed', told)).toMatch(/^True/);
    expect(conditionOf('RateLimitPolicy', limit, 'Ready', { now })).toMatch(/^Unknown/);
  });
});
