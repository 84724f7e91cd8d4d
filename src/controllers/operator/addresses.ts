/** Where clients reach a gateway: what its Service has got. */
import { type KubeObject, type ObjectKey, refOf } from '../../kube/object.ts';
import type { Address } from '../../reconcilers/world.ts';
import { childName } from '../../render/names.ts';
import type { Cache } from './collections.ts';
import { refKey } from './secrets.ts';

interface ServiceWithStatus extends KubeObject {
  readonly spec?: { readonly type?: string; readonly clusterIPs?: readonly string[]; readonly clusterIP?: string };
  readonly status?: {
    readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string; readonly hostname?: string }[] };
  };
}

export function addressesOf(
  gateways: ReadonlyMap<ObjectKey, KubeObject>,
  services: Pick<Cache, 'get'>,
): ReadonlyMap<ObjectKey, readonly Address[]> {
  return new Map(
    [...gateways].flatMap(([key, gateway]) => {
      const ref = refOf(gateway);
      const service = services.get(refKey({ ...ref, name: childName(ref) })) as ServiceWithStatus | undefined;
      return service === undefined ? [] : [[key, addresses(service)] as const];
    }),
  );
}

/** Remembered, so that what did not change is the same. */
const known = new WeakMap<KubeObject, readonly Address[]>();

function addresses(service: ServiceWithStatus): readonly Address[] {
  const before = known.get(service);
  if (before !== undefined) return before;
  const found = service.spec?.type === 'LoadBalancer' ? ofBalancer(service) : ofCluster(service);
  known.set(service, found);
  return found;
}

function ofBalancer({ status }: ServiceWithStatus): readonly Address[] {
  return (status?.loadBalancer?.ingress ?? []).flatMap(({ ip, hostname }): readonly Address[] => {
    if (ip !== undefined && ip !== '') return [{ type: 'IPAddress', value: ip }];
    return hostname === undefined || hostname === '' ? [] : [{ type: 'Hostname', value: hostname }];
  });
}

function ofCluster({ spec }: ServiceWithStatus): readonly Address[] {
  const all = spec?.clusterIPs ?? (spec?.clusterIP === undefined ? [] : [spec.clusterIP]);
  return all.filter((ip) => ip !== '' && ip !== 'None').map((value) => ({ type: 'IPAddress', value }));
}
