/** Services that Istio cannot enforce anything at, although a gateway or a policy names them: they have no selector. */
import type { MeshReport } from '../../ir/mesh.ts';
import { keyOf, type ObjectKey, type ObjectRef } from '../../kube/object.ts';
import type { Finding } from '../../status/finding.ts';
import { selectorOf } from './seeds.ts';
import { agree } from './settings.ts';
import type { MeshWorld } from './world.ts';

export interface Unselectable {
  readonly reports: readonly MeshReport[];
  readonly findings: readonly Finding[];
}

/** `wanted` are keys of Services that something names. */
export function unselectable(
  wanted: ReadonlySet<ObjectKey>,
  ...[reach, authOn, services, settings]: readonly [
    MeshWorld['reach'],
    MeshWorld['authOn'],
    MeshWorld['Service'],
    MeshWorld['settings'],
  ]
): Unselectable {
  const found = [...wanted].filter((key) => {
    const service = services.get(key);
    return service !== undefined && selectorOf(service) === undefined;
  });
  const agreed = agree([...settings])?.settings;
  const point = agreed?.mode === 'Sidecar' ? 'sidecar' : agreed?.waypoint === undefined ? 'ztunnel' : 'waypoint';
  const all = found.map((key) => {
    const message = `Service ${key} has no selector, so Istio cannot enforce anything before what is behind it`;
    const policies = policiesOf(key, { reach, authOn });
    return {
      reports: policies.map(
        (policy): MeshReport => ({ policy, workload: key, point, reason: 'NotEnrolled', rules: [], message, remedy }),
      ),
      findings: [finding(key, message)],
    };
  });
  return { reports: all.flatMap(({ reports }) => reports), findings: all.flatMap(({ findings }) => findings) };
}

function policiesOf(key: ObjectKey, { reach, authOn }: Pick<MeshWorld, 'reach' | 'authOn'>): readonly ObjectRef[] {
  const atDoors = (reach.get(key) ?? []).flatMap(({ entry: { guard } }) =>
    guard.kind === 'blocked' ? [] : guard.policies,
  );
  const behind = (authOn.get(`Service ${key}`) ?? []).map(({ policy }) => policy.ref);
  return [...new Map([...atDoors, ...behind].map((ref) => [keyOf(ref.namespace, ref.name), ref])).values()];
}

function finding(key: ObjectKey, message: string): Finding {
  const [namespace = '', name = ''] = key.split('/');
  return {
    about: { kind: 'Service', namespace, name },
    severity: 'error',
    reason: 'NotEnrolled',
    at: 'spec.selector',
    message,
    remedy,
  };
}

const remedy = 'Give the Service a selector, or do not count on the mesh for what is behind it';
