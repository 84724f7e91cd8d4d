/** Which Routes send to a Service: a policy on it is theirs as well. */
import type { ObjectKey } from '../kube/object.ts';
import type { Resolution } from '../resolve/resolve.ts';

type Routes = Resolution['routes'];

const known = new WeakMap<Routes, ReadonlyMap<ObjectKey, readonly ObjectKey[]>>();

/** Keys of Routes, in their order. Found out once a change of the Routes, and only where somebody asks. */
export function routesTo(service: ObjectKey, routes: Routes): readonly ObjectKey[] {
  const index = known.get(routes) ?? indexOf(routes);
  known.set(routes, index);
  return index.get(service) ?? [];
}

function indexOf(routes: Routes): ReadonlyMap<ObjectKey, readonly ObjectKey[]> {
  const index = new Map<ObjectKey, ObjectKey[]>();
  for (const [route, { services }] of routes) {
    for (const service of services) {
      const list = index.get(service);
      if (list === undefined) index.set(service, [route]);
      else list.push(route);
    }
  }
  return index;
}
