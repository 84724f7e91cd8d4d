/** Whether every Ready Envoy has what one object became: the part of a delivery that is its own. */
import type { ObjectKey } from '../kube/object.ts';
import type { Resolution } from '../resolve/resolve.ts';
import { programmed, type Verdict } from '../status/conditions.ts';
import { routesTo } from './routes-to.ts';
import type { StatusWorld } from './world.ts';

/** What an object became; the same value while nothing that it depends on changed. */
type UnitOf = (resolution: Resolution) => unknown;

/**
 * Of one object at one gateway. It says nothing of other objects: the next change of a neighbour, or one more Envoy, is no
 * news of this one.
 */
export function servedAt(gateway: ObjectKey, unitOf: UnitOf, world: StatusWorld): Verdict {
  const delivery = world.deliveries.get(gateway);
  const acknowledged = world.served?.get(gateway);
  if (world.served === undefined) return programmed(delivery);
  if (acknowledged !== undefined && unitOf(acknowledged) === unitOf(world.resolution)) {
    return { status: 'True', reason: 'Programmed', message: `Every Ready Envoy of ${gateway} serves it` };
  }
  if (delivery?.rejected !== undefined) return programmed(delivery);
  const { loaded, ready } = delivery?.envoys ?? { loaded: 0, ready: 0 };
  return { status: 'Unknown', reason: 'Pending', message: `${loaded}/${ready} Envoys of ${gateway} serve it` };
}

const order = ['False', 'Unknown', 'True'] as const;

/** Of the gateways: what the one says that is furthest from serving it. Undefined without any. */
export function servedEverywhere(
  gateways: readonly ObjectKey[],
  unitOf: UnitOf,
  world: StatusWorld,
): Verdict | undefined {
  const verdicts = gateways.map((gateway) => servedAt(gateway, unitOf, world));
  return order.flatMap((status) => verdicts.find((verdict) => verdict.status === status) ?? [])[0];
}

/** Gateways that an object with these targets is about; sorted. */
export function gatewaysOf(
  attached: readonly { readonly target: string }[],
  { routes, gateways }: Resolution,
): readonly ObjectKey[] {
  const gatewaysOfRoute = (key: ObjectKey) => (routes.get(key)?.placements ?? []).map(({ gateway }) => gateway);
  const found = attached.flatMap(({ target }) => {
    const [kind = '', key = ''] = target.split(' ');
    const through = kind === 'Service' ? routesTo(key, routes) : kind === 'Route' ? [key] : undefined;
    if (through !== undefined) return through.flatMap(gatewaysOfRoute);
    return gateways.has(key) ? [key] : [];
  });
  return [...new Set(found)].toSorted();
}
