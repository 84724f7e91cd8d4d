/** The proof of a mesh of which somebody has changed what was rendered. */
import type { SecurityObject } from '../../istio/security.ts';
import type { KubeObject } from '../../kube/object.ts';
import { type Proof, prove } from '../../proof/prove.ts';
import { proofWorld } from '../../proof/world.ts';
import { resolver } from '../../resolve/resolve.ts';
import { snapshotOf } from '../build.ts';

export type Change = (object: SecurityObject) => SecurityObject;

/** With every object of the mesh changed. */
export function proved(objects: readonly KubeObject[], change: Change, mostRegions: number): Proof {
  const snapshot = snapshotOf(objects);
  const resolution = resolver()(snapshot);
  const world = proofWorld(resolution);
  const workloads = world.workloads.map((one) => ({ ...one, objects: one.objects.map(change) }));
  const byKey = new Map(workloads.map((one) => [one.key, one]));
  const destinations = [...world.destinations].map(
    ([cluster, to]) => [cluster, { ...to, workload: byKey.get(to.workload.key) ?? to.workload }] as const,
  );
  return prove(
    resolution,
    snapshot.Service,
    { mostRegions },
    { ...world, workloads, destinations: new Map(destinations) },
  );
}
