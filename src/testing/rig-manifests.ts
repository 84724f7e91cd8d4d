/** Manifests in short: everything in one namespace, so that a test shows only what it is about. */

export const namespace = 'shop';

export type Manifest = string | Readonly<Record<string, unknown>>;

/** Several documents as one YAML stream; JSON is YAML. */
export function manifestText(manifests: Manifest | readonly Manifest[]): string {
  const list: readonly Manifest[] = Array.isArray(manifests) ? manifests : [manifests as Manifest];
  return list.map((one) => (typeof one === 'string' ? one : JSON.stringify(one))).join('\n---\n');
}

function ours(kind: string, name: string, spec: object): Manifest {
  return { apiVersion: 'evengate.dev/v1alpha1', kind, metadata: { name, namespace }, spec };
}

/** One HTTP listener `web` on port 80, open to everybody, unless `spec` says otherwise. */
export function apiGateway(spec: object = {}, name = 'edge'): Manifest {
  const listeners = [{ name: 'web', port: 80, protocol: 'HTTP' }];
  return ours('ApiGateway', name, { listeners, defaultAccess: 'Public', ...spec });
}

/** A Route of every host, attached to `edge` unless `spec` says otherwise. */
export function route(name: string, rules: readonly object[], spec: object = {}): Manifest {
  return ours('Route', name, { parentRefs: [{ name: 'edge' }], rules, ...spec });
}

/** `Route/name`, `Route/name/rule`, `ApiGateway/name` or `ApiGateway/name/listener`. */
function targetRefs(targets: string): readonly object[] {
  return targets.split(' ').map((target) => {
    const [kind, name, sectionName] = target.split('/');
    return { kind, name, ...(sectionName === undefined ? {} : { sectionName }) };
  });
}

/** `targets`: `Route/name/rule` and the like, apart by spaces. */
export function authPolicy(name: string, targets: string, spec: object): Manifest {
  return ours('AuthPolicy', name, { targetRefs: targetRefs(targets), ...spec });
}

export function limitPolicy(name: string, targets: string, limits: readonly object[]): Manifest {
  return ours('RateLimitPolicy', name, { targetRefs: targetRefs(targets), limits });
}

/** Port 80; a name that begins with `empty` has no endpoints. */
export function service(name: string, appProtocol?: string): Manifest {
  const port = { port: 80, ...(appProtocol === undefined ? {} : { appProtocol }) };
  return { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace }, spec: { ports: [port] } };
}

/** One backendRef to the Service's port 80. */
export function to(name: string): object {
  return { backendRefs: [{ name, port: 80 }] };
}

/** One PathPrefix match. */
export function under(value: string): object {
  return { matches: [{ path: { value } }] };
}

export const everyone = { authorize: { allow: [{ name: 'anyone' }] } };
