/** What requests met at every moment of every Envoy's life, read from what it served. */

import type { JsonObject, Resource } from '../compile.ts';
import type { ModelEnvoy } from '../edge-pods/model-envoy.ts';
import { type Caller, passes } from '../evaluate-route.ts';
import { everyRoute, type RenderedRoute, tablesOf, type VirtualHostTable } from '../tables.ts';

/** One state of one Envoy. */
export interface Moment {
  readonly resources: readonly Resource[];
  readonly routes: readonly { readonly host: VirtualHostTable; readonly route: RenderedRoute }[];
}

const parsed = new Map<string, readonly Resource[]>();

function resourcesOf(file: string, content: string): readonly Resource[] {
  const id = `${file} ${content}`;
  const known = parsed.get(id);
  if (known !== undefined) return known;
  const { resources } = JSON.parse(`{${content}`) as { readonly resources: readonly JsonObject[] };
  const all = resources.map((json) => ({ gateway: 'shop/edge', file, json }));
  parsed.set(id, all);
  return all;
}

/** In order, of one Envoy. */
export function momentsOf({ history }: ModelEnvoy): readonly Moment[] {
  return history.map((files) => {
    const resources = [...files].flatMap(([file, content]) => resourcesOf(file, content));
    return { resources, routes: everyRoute(tablesOf(resources)) };
  });
}

const nobody: Caller = {
  method: 'GET',
  path: '/',
  host: 'shop.example.com',
  headers: {},
  peer: '192.0.2.1',
  client: '192.0.2.1',
};

/** Envoy routes of one Route: `shop/orders`. */
export function routesOf({ routes }: Moment, route: string): Moment['routes'] {
  return routes.filter(({ route: { name } }) => (name as string | undefined)?.startsWith(`${route}/`) === true);
}

/** Whether somebody without a token reaches its backend. */
export function isOpen(moment: Moment, route: string): boolean {
  return routesOf(moment, route).some(
    (one) => one.route.direct_response === undefined && passes(one, moment.resources, nobody),
  );
}

/** Faults, one sentence each: guarded Routes that stood open, and Routes that were served and then were not. */
export function trafficFaults(
  envoys: Iterable<ModelEnvoy>,
  { guarded, lasting = [] }: { readonly guarded: readonly string[]; readonly lasting?: readonly string[] },
): readonly string[] {
  const served = new Set<string>();
  const faults = [...envoys].flatMap((envoy, index) => {
    const moments = momentsOf(envoy);
    const open = guarded.flatMap((route) => {
      const at = moments.findIndex((moment) => isOpen(moment, route));
      return at < 0 ? [] : [`Envoy ${index}: ${route} was open at its moment ${at} of ${moments.length}`];
    });
    const lost = lasting.flatMap((route) => {
      const first = moments.findIndex((moment) => isOpen(moment, route));
      served.add(first < 0 ? '' : route);
      const at = first < 0 ? -1 : moments.findIndex((moment, n) => n > first && !isOpen(moment, route));
      return at < 0 ? [] : [`Envoy ${index}: ${route} was served and at its moment ${at} was not`];
    });
    return [...open, ...lost];
  });
  return [...faults, ...lasting.flatMap((route) => (served.has(route) ? [] : [`${route} was never served`]))];
}

/** What a Route became at each moment at which it was there, each once. */
export function formsOf(envoys: Iterable<ModelEnvoy>, route: string): readonly string[] {
  const forms = [...envoys].flatMap((envoy) =>
    momentsOf(envoy).map((moment) => JSON.stringify(routesOf(moment, route).map(({ route: one }) => one))),
  );
  return [...new Set(forms)].filter((form) => form !== '[]');
}
