/** What a status depends on, cheap to compare: among thousands of objects only those are reported on of which some of it changed. */
import type { ObjectKey } from '../kube/object.ts';
import type { Resolution } from '../resolve/resolve.ts';
import { authorOf } from './authorship.ts';
import { gatewayMesh } from './gateway-mesh.ts';
import { gatewaysOf } from './served.ts';
import type { ReportedKind } from './statuses.ts';
import type { StatusWorld } from './world.ts';

/** Compared member by member, by identity. */
export type Inputs = readonly unknown[];

interface Seen {
  readonly generation: number | undefined;
  readonly world: StatusWorld;
}

type UnitOf = (resolution: Resolution) => unknown;

export function statusInputs(kind: ReportedKind, key: ObjectKey, { generation, world }: Seen): Inputs {
  const { resolution } = world;
  const own = [generation, authorOf(kind, key, resolution), ...world.findingsOf(kind, key)];
  switch (kind) {
    case 'ApiGateway': {
      const seen = [resolution.gateways, resolution.gatewayUnits, world.deliveries, world.addresses];
      const mesh = gatewayMesh(key, world);
      const inMesh = [mesh?.column, mesh?.verdict.message];
      return [...seen.map((map) => map.get(key)), world.attachedRoutes(key), ...inMesh, ...own];
    }
    case 'Route': {
      const unit = resolution.routes.get(key);
      const parents = (unit?.parents ?? []).map(({ gateway }) => gateway);
      return [unit, ...own, ...delivered(parents, (of) => of.routes.get(key), world)];
    }
    case 'AuthPolicy': {
      const unit = resolution.authPolicies.get(key);
      const gateways = gatewaysOf(unit?.attached ?? [], resolution);
      const reports = resolution.mesh.reports.get(key) ?? [];
      const states = reports.map(({ workload }) => world.workloads?.get(workload));
      return [unit, ...own, ...reports, ...states, ...delivered(gateways, (of) => of.authPolicies.get(key), world)];
    }
    case 'RateLimitPolicy': {
      const unit = resolution.rateLimitPolicies.get(key);
      const gateways = gatewaysOf(unit?.attached ?? [], resolution);
      return [unit, ...own, ...delivered(gateways, (of) => of.rateLimitPolicies.get(key), world)];
    }
  }
}

/** Once it is served, what else becomes of the gateway is no matter. */
function delivered(gateways: readonly ObjectKey[], unitOf: UnitOf, world: StatusWorld): Inputs {
  const found: unknown[] = [];
  for (const gateway of gateways) {
    const acknowledged = world.served?.get(gateway);
    const served = acknowledged !== undefined && unitOf(acknowledged) === unitOf(world.resolution);
    found.push(gateway, served ? 'served' : world.deliveries.get(gateway));
  }
  return found;
}
