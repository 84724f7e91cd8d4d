/** Every gateway with its route tables. */
import type { Gateway } from '../ir/gateway.ts';
import type { ObjectKey } from '../kube/object.ts';
import { type ChainBuilder, chainBuilder } from './chains.ts';
import { HostTable } from './host-table.ts';
import type { RouteUnit } from './route-unit.ts';
import type { GatewayContext } from './world.ts';

export type GatewayTables = (
  contexts: ReadonlyMap<ObjectKey, GatewayContext>,
  routes: ReadonlyMap<ObjectKey, RouteUnit>,
) => ReadonlyMap<ObjectKey, Gateway>;

interface State {
  readonly routes: ReadonlyMap<ObjectKey, RouteUnit>;
  readonly tables: Map<ObjectKey, OneGateway>;
}

interface OneGateway {
  readonly hosts: HostTable;
  readonly build: ChainBuilder;
  made: { readonly context: GatewayContext; readonly gateway: Gateway } | undefined;
}

/** Remembers the tables from call to call. A gateway of which nothing changed is the same object. */
export function gatewayTables(): GatewayTables {
  const scratch = (): State => ({ routes: new Map(), tables: new Map() });
  let state = scratch();
  return (contexts, routes) => {
    const { routes: before, tables } = state;
    // Should anything throw half-way, the next call begins from scratch.
    state = scratch();
    move(before, routes, tables);
    const gateways = new Map([...contexts].map(([key, context]) => [key, gatewayOf(context, tableOf(tables, key))]));
    for (const key of tables.keys()) if (!contexts.has(key)) tables.delete(key);
    state = { routes, tables };
    return gateways;
  };
}

function tableOf(tables: Map<ObjectKey, OneGateway>, key: ObjectKey): OneGateway {
  const table = tables.get(key) ?? { hosts: new HostTable(), build: chainBuilder(), made: undefined };
  tables.set(key, table);
  return table;
}

/** Placements of Routes that went, came or changed. */
function move(before: State['routes'], after: State['routes'], tables: Map<ObjectKey, OneGateway>): void {
  if (before === after) return;
  for (const [key, unit] of before) {
    if (after.get(key) === unit) continue;
    for (const placement of unit.placements) tables.get(placement.gateway)?.hosts.remove(placement);
  }
  for (const [key, unit] of after) {
    if (before.get(key) === unit) continue;
    for (const placement of unit.placements) tableOf(tables, placement.gateway).hosts.add(placement);
  }
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
  const gateway = same ? made.gateway : { ref: context.ref, trustedHops: context.trustedHops, listeners, chains };
  table.made = { context, gateway };
  return gateway;
}
