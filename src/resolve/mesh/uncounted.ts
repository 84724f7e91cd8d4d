/** Policies in mode Shadow that nobody counts: nothing closes where they stand. */
import type { MeshReport } from '../../ir/mesh.ts';
import { keyOf, type ObjectKey } from '../../kube/object.ts';
import type { Scene } from './scene.ts';
import type { Seed } from './seeds.ts';
import { agree, pointOf } from './settings.ts';
import type { MeshWorld } from './world.ts';

type Where = Pick<MeshReport, 'policy' | 'workload' | 'point'>;

function uncounted(where: Where): MeshReport {
  const message = `it is in mode Shadow, and neither a Route nor a policy in force closes a port of Service ${where.workload}, so nothing is counted there`;
  const remedy = 'Let a Route of its namespace send to the Service, or target it with a policy in mode Enforce';
  return { ...where, reason: 'Shadow', rules: [], message, remedy };
}

/** On a workload that is open. */
export function uncountedAt({ seed, point, ports }: Scene): readonly MeshReport[] {
  const policies = new Set(ports.flatMap((port) => port.policies.filter(({ mode }) => mode === 'Shadow')));
  return [...policies].map(({ ref }) => uncounted({ policy: ref, workload: seed.key, point }));
}

/** On Services of which there is no workload, since they alone name it. */
export function uncountedBeside(
  seeds: ReadonlyMap<ObjectKey, Seed>,
  ...[authOn, services, settings]: readonly [MeshWorld['authOn'], MeshWorld['Service'], MeshWorld['settings']]
): readonly MeshReport[] {
  const found = [...authOn].flatMap(([target, attached]) => {
    const key = target.startsWith('Service ') ? target.slice('Service '.length) : '';
    if (!services.has(key)) return [];
    return attached
      .filter(({ policy }) => policy.mode === 'Shadow')
      .map(({ policy }) => ({ policy: policy.ref, workload: key }));
  });
  const agreed = found.length === 0 ? undefined : agree([...settings])?.settings;
  if (agreed === undefined) return [];
  const known = new Set(
    [...seeds.values()].flatMap((seed) => seed.services.map((name) => keyOf(seed.namespace, name))),
  );
  return found
    .filter(({ workload }) => !known.has(workload))
    .map((one) => uncounted({ ...one, point: pointOf(agreed) }));
}
