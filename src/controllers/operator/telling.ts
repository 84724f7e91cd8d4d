/** What is said of a gateway's Envoys after they were told. Pure. */
import type { Published } from '../../delivery/configmap.ts';
import type { ObjectRef } from '../../kube/object.ts';
import type { Edge } from '../../render/edge.ts';
import type { Delivery } from '../../status/conditions.ts';
import type { Finding } from '../../status/finding.ts';

interface Circumstances {
  readonly edge: Edge;
  /** What of the gateway is not in place yet; empty where all of it is. */
  readonly waits: readonly string[];
}

/** What of a gateway is not in place yet. */
export function waitsFor(what: { readonly certificates: boolean; readonly identity: boolean }): readonly string[] {
  return [
    ...(what.certificates ? ['listeners wait until all Pods have their certificates mounted'] : []),
    ...(what.identity ? ['Services are dialled in clear text until all Pods have the certificate of the mesh'] : []),
  ];
}

/** What statuses tell of a publication. */
export function deliveryOf({ kind, revision, envoys, findings }: Published, { edge, waits }: Circumstances): Delivery {
  const [first] = findings;
  if (first !== undefined && (kind === 'refused' || kind === 'too-large')) {
    return { revision, rejected: `${first.message}. ${first.remedy}.` };
  }
  const late = envoys.late.length === 0 ? [] : [`Pod ${envoys.late.join(', ')} did not take it up in time`];
  const remarks = [...late, ...waits];
  return {
    revision: revision === '' ? edge.revision : revision,
    envoys: { loaded: waits.length === 0 ? envoys.loaded : 0, ready: envoys.ready },
    ...(remarks.length === 0 ? {} : { remarks }),
  };
}

export function troubleFinding(about: ObjectRef, troubles: readonly string[]): readonly Finding[] {
  if (troubles.length === 0) return [];
  return [
    {
      about,
      severity: 'warning',
      reason: 'PodsNotReady',
      at: '',
      message: troubles.join('; '),
      remedy: 'Correct spec.workload, or what the Pods lack; Pods that are Ready serve on',
    },
  ];
}
