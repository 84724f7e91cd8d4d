/** Who reports on an object, where several operators see it: one of them alone, or they would overwrite each other for ever. */
import { defaultClass } from '../ir/class-name.ts';
import type { ObjectKey } from '../kube/object.ts';
import type { Resolution } from '../resolve/resolve.ts';
import { routesTo } from './routes-to.ts';

/**
 * Class of the operator that reports on it: that of the first ApiGateway that the object leads to, of those that exist, and
 * the default one where it leads to none.
 */
export function authorOf(kind: string, key: ObjectKey, resolution: Resolution): string {
  return classAt(kind, key, resolution) ?? defaultClass;
}

/** Asked of every object after every change. */
function classAt(kind: string, key: ObjectKey, resolution: Resolution): string | undefined {
  switch (kind) {
    case 'ApiGateway':
      return resolution.gatewayUnits.get(key)?.className;
    case 'Route':
      return first(resolution.routes.get(key)?.parents ?? [], ({ gateway }) =>
        classAt('ApiGateway', gateway, resolution),
      );
    case 'Service':
      return first(routesTo(key, resolution.routes), (route) => classAt('Route', route, resolution));
    case 'AuthPolicy':
      return classOfTargets(resolution.authPolicies.get(key)?.attached ?? [], resolution);
    case 'RateLimitPolicy':
      return classOfTargets(resolution.rateLimitPolicies.get(key)?.attached ?? [], resolution);
    default:
      return undefined;
  }
}

/** @param attached each with a `target` such as `Route shop/orders` */
function classOfTargets(attached: readonly { readonly target: string }[], resolution: Resolution): string | undefined {
  return first(attached, ({ target }) => {
    const end = target.indexOf(' ');
    return classAt(target.slice(0, end), target.slice(end + 1), resolution);
  });
}

function first<T>(items: readonly T[], find: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
