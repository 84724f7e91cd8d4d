/** Every gateway with its route tables. */
import type { Gateway } from '../ir/gateway.ts';
import type { ObjectKey } from '../kube/object.ts';
import { type ChainBuilder, chainBuilder } from './chains.ts';
import { HostTable } from './host-table.ts';
import type { Change } from './memo.ts';
import type { RouteUnit } from './route-unit.ts';
import type { GatewayContext } from './world.ts';

export type GatewayTables = (
  contexts: ReadonlyMap<ObjectKey, GatewayContext>,
  routes: readonly Change<RouteUnit>[],
) => ReadonlyMap<ObjectKey, Gateway>;

interface OneGateway {
  readonly hosts: HostTable;
  readonly build: ChainBuilder;
  made: { readonly context: GatewayContext; readonly gateway: Gateway } | undefined;
}

/** Remembers the tables from call to call. A gateway of which nothing changed is the same object. */
export function gatewayTables(): GatewayTables {
  const tables = new Map<ObjectKey, OneGateway>();
  const tableOf = (key: ObjectKey): OneGateway => {
    const table = tables.get(key) ?? { hosts: new HostTable(), build: chainBuilder(), made: undefined };
    tables.set(key, table);
    return table;
  };
  return (contexts, routes) => {
    for (const { before } of routes) {
      for (const placement of before?.placements ?? []) tables.get(placement.gateway)?.hosts.remove(placement);
    }
    for (const { after } of routes) {
      for (const placement of after?.placements ?? []) tableOf(placement.gateway).hosts.add(placement);
    }
    const gateways = new Map([...contexts].map(([key, context]) => [key, gatewayOf(context, tableOf(key))]));
    for (const key of tables.keys()) if (!contexts.has(key)) tables.delete(key);
    return gateways;
  };
}

function gatewayOf(context: GatewayContext, table: OneGateway): Gateway {
  const { hosts, made } = table;
  const chains = table.build(context, hosts);
  hosts.settle();
  const listeners = context.listeners.map(({ spec: { name, port, protocol, hostname }, served }) => ({
    name,
    port,
    protocol,
    ...(hostname === undefined ? {} : { hostname }),
    served,
    attachedRoutes: hosts.attached(name),
  }));
  const same =
    made?.context === context &&
    made.gateway.chains === chains &&
    listeners.every(({ attachedRoutes }, index) => made.gateway.listeners[index]?.attachedRoutes === attachedRoutes);
  const { ref, trustedHops, workload, exposure, telemetry, mesh, agent } = context;
  const gateway = same
    ? made.gateway
    : {
        ref,
        trustedHops,
        listeners,
        chains,
        workload,
        exposure,
        telemetry,
        ...(mesh === undefined ? {} : { mesh }),
        ...(agent === undefined ? {} : { agent }),
      };
  table.made = { context, gateway };
  return gateway;
}
