/** Everything that resolving one object may look at: the snapshot, and what was derived from it before. */
import type { Limit, Policy } from '../ir/guard.ts';
import type { Lookup } from '../ir/lookup.ts';
import type { MeshAgent, MeshSettings } from '../ir/mesh.ts';
import type { Telemetry } from '../ir/telemetry.ts';
import type { Exposure, Workload } from '../ir/workload.ts';
import { keyOf, type ObjectRef } from '../kube/object.ts';
import type { Snapshot } from '../kube/snapshot.ts';
import type { Finding } from '../status/finding.ts';
import type { ResolvedListener } from './listeners.ts';
import type { Look } from './memo.ts';
import type { Attached } from './policy-index.ts';
import { canReference } from './references.ts';

/** Parsed and resolved from the snapshot's objects alone. */
export type ObjectWorld = { readonly [K in keyof Snapshot]: Snapshot[K] };

/** … with the policies by what they target (`policy-index.ts`). */
export type PolicyWorld = ObjectWorld & {
  readonly authOn: ReadonlyMap<string, readonly Attached<Policy>[]>;
  readonly limitsOn: ReadonlyMap<string, readonly Attached<AttachedLimits>[]>;
};

/** … and with the gateways that Routes attach to, and the classes of those that are other operators'. */
export type RouteWorld = PolicyWorld & {
  readonly gateways: ReadonlyMap<string, GatewayContext>;
  readonly elsewhere: ReadonlyMap<string, string>;
};

/** What a Route needs to know of an ApiGateway: its listeners, and the policies on them. */
export interface GatewayContext {
  readonly ref: ObjectRef;
  readonly trustedHops: number;
  readonly publicByDefault: boolean;
  readonly listeners: readonly ResolvedListener[];
  readonly workload: Workload;
  readonly exposure: Exposure;
  readonly telemetry: Telemetry;
  /** Undefined for one that has no part in a mesh. */
  readonly mesh?: MeshSettings | undefined;
  readonly agent?: MeshAgent | undefined;
  /** By the listener's name. */
  readonly outer: ReadonlyMap<string, PoliciesOn>;
}

export interface PoliciesOn {
  readonly auth: readonly Policy[];
  readonly limits: readonly AttachedLimits[];
  /** A policy that names no section of the target: all of it is blocked. */
  readonly blocked: Finding | undefined;
}

/** The limits of one RateLimitPolicy. */
export interface AttachedLimits {
  readonly ref: ObjectRef;
  readonly limits: readonly Limit[];
  readonly broken: Finding | undefined;
}

/** What a feature may look up, recorded. */
export function lookupOf<W extends ObjectWorld>(recorder: Look<W>): Lookup {
  const look = recorder as unknown as Look<ObjectWorld>;
  return {
    service: (namespace, name) => look.get('Service', keyOf(namespace, name)),
    configMap: (namespace, name) => look.get('ConfigMap', keyOf(namespace, name)),
    secret: (namespace, name) => look.get('Secret', keyOf(namespace, name)),
    fetchedKeys: (uri) => look.get('FetchedKeys', uri),
    namespaceLabels: (namespace) => ({
      ...look.get('Namespace', namespace)?.metadata.labels,
      'kubernetes.io/metadata.name': namespace,
    }),
    once: (text, read) => look.once(text, read),
    canReference: (from, to) => from.namespace === to.namespace || canReference(from, to, look.all('ReferenceGrant')),
  };
}
