/**
 * Whether nobody has said anything else since of who may reach a workload through a gateway. Pure. What is refused now by a
 * word of somebody is not to be admitted for an Envoy's sake.
 */
import { isDeepStrictEqual } from 'node:util';
import type { MeshWorkload } from '../../../ir/mesh.ts';
import { keyOf, type ObjectKey } from '../../../kube/object.ts';
import type { Resolution } from '../../../resolve/resolve.ts';

export interface Through {
  readonly gateway: ObjectKey;
  /** As it was. */
  readonly workload: MeshWorkload;
}

export function areGuardedAlike(before: Resolution, now: Resolution, through: Through): boolean {
  // It may be the same Route by another name, with other policies.
  if (isReplaced(before, now, through)) return false;
  const targets = targetsOf(before, now, through);
  return isDeepStrictEqual(saidIn(before, through, targets), saidIn(now, through, targets));
}

/** What the policies on the way target. Those of a Route that is gone admit nobody, and none of them refused anything by that. */
function targetsOf(before: Resolution, now: Resolution, { gateway, workload }: Through): ReadonlySet<string> {
  const { namespace, services } = workload;
  const routes = routesTo(before, { gateway, workload }).filter((route) => now.routes.has(route));
  const on = [
    `ApiGateway ${gateway}`,
    ...routes.map((route) => `Route ${route}`),
    ...services.map((service) => `Service ${keyOf(namespace, service)}`),
  ];
  const namespaces = [gateway, ...routes].map((key) => key.slice(0, key.indexOf('/')));
  return new Set([...on, ...[namespace, ...namespaces].map((name) => `Namespace ${name}`)]);
}

function isReplaced(before: Resolution, now: Resolution, through: Through): boolean {
  const isGone = routesTo(before, through).some((route) => !now.routes.has(route));
  return isGone && routesTo(now, through).some((route) => !before.routes.has(route));
}

function routesTo({ gateways }: Resolution, { gateway, workload }: Through): readonly ObjectKey[] {
  const { namespace, services } = workload;
  const hosts = gateways.get(gateway)?.chains.flatMap(({ virtualHosts }) => virtualHosts) ?? [];
  const rules = hosts.flatMap(({ entries }) => entries.map(({ rule }) => rule));
  const sending = rules.filter(({ backends }) =>
    backends.some((backend) => backend.namespace === namespace && services.includes(backend.service)),
  );
  return [...new Set(sending.map(({ route }) => keyOf(route.namespace, route.name)))];
}

function saidIn({ authPolicies, gatewayUnits }: Resolution, { gateway }: Through, targets: ReadonlySet<string>) {
  const said = [...authPolicies].flatMap(([key, { attached }]) => {
    const own = attached.filter(({ target, policy }) => policy.mode === 'Enforce' && targets.has(target));
    return own.length === 0 ? [] : [[key, own] as const];
  });
  return { byDefault: gatewayUnits.get(gateway)?.context?.publicByDefault, said: new Map(said) };
}
