/** What is watched of Istio, and of the Pods behind gateways: only once a gateway of ours is in a mesh. */
import type { AuthorizationPolicy, PeerAuthentication, RequestAuthentication } from '../../../istio/security.ts';
import type { ResourceType } from '../../../kube/client.ts';
import type { KubeObject } from '../../../kube/object.ts';
import type { Pod, PodContainer } from '../../../kube/pod.ts';
import { resources } from '../../../kube/resources.ts';
import { managedBy } from '../../../render/names.ts';
import { OnDemand } from '../../../runtime/on-demand.ts';
import { withoutBookkeeping } from '../../../runtime/project.ts';
import type { Source } from '../../../runtime/source.ts';
import type { Cache, CacheChange } from '../collections.ts';
import { waypointOf } from './waypoints.ts';

/** With `status`, in which Istio says what became of it. */
export interface MeshSources {
  readonly Pod: OnDemand<Pod>;
  readonly AuthorizationPolicy: OnDemand<AuthorizationPolicy>;
  readonly RequestAuthentication: OnDemand<RequestAuthentication>;
  readonly PeerAuthentication: OnDemand<PeerAuthentication>;
  /** Waypoints among others. */
  readonly Gateway: OnDemand<KubeObject>;
}

/** Opens one source; `project` as of a reflector. */
export type OpenSource = <T extends KubeObject>(
  type: ResourceType,
  more: {
    readonly optional: true;
    readonly label?: string;
    readonly project?: (raw: KubeObject) => T;
    readonly wrap: (source: Source<T>) => OnDemand<T>;
  },
) => OnDemand<T>;

/** Each of them may be missing, and come later. */
export function meshSources(open: OpenSource): MeshSources {
  const onDemand = <T extends KubeObject>(
    type: ResourceType,
    more: { readonly label?: string; readonly project?: (raw: KubeObject) => T } = {},
  ): OnDemand<T> => open<T>(type, { ...more, optional: true, wrap: (source) => new OnDemand(source) });
  return {
    Pod: onDemand<Pod>(resources.Pod, { label: 'pods of workloads', project: workloadPod }),
    AuthorizationPolicy: onDemand<AuthorizationPolicy>(resources.AuthorizationPolicy),
    RequestAuthentication: onDemand<RequestAuthentication>(resources.RequestAuthentication),
    PeerAuthentication: onDemand<PeerAuthentication>(resources.PeerAuthentication),
    Gateway: onDemand<KubeObject>(resources.Gateway),
  };
}

/** Each has answered, be it that there is no such resource type, or that it may not be read. */
export function isAnswered({ synced, state }: Pick<Source<KubeObject>, 'synced' | 'state'>): boolean {
  return synced || (state.kind === 'behind' && state.cause !== 'failing');
}

const istioAnnotations: readonly string[] = ['sidecar.istio.io/status', 'ambient.istio.io/redirection'];

/** Whose it is, where it listens, and whether a proxy stands before it: most of what happens to a Pod is no change of this. */
function workloadPod(raw: KubeObject): Pod {
  const { name, namespace, uid, resourceVersion, labels, annotations = {}, deletionTimestamp } = raw.metadata;
  const { spec, status } = raw as Pod;
  const kept = Object.entries(annotations).filter(([key]) => istioAnnotations.includes(key));
  return {
    apiVersion: raw.apiVersion,
    kind: raw.kind,
    metadata: {
      name,
      ...(namespace && { namespace }),
      ...(uid && { uid }),
      ...(resourceVersion && { resourceVersion }),
      ...(labels && { labels }),
      ...(kept.length > 0 && { annotations: Object.fromEntries(kept) }),
      ...(deletionTimestamp && { deletionTimestamp }),
    },
    spec: {
      ...(spec?.serviceAccountName && { serviceAccountName: spec.serviceAccountName }),
      containers: (spec?.containers ?? []).map(listening),
      ...(spec?.initContainers && { initContainers: spec.initContainers.map(listening) }),
    },
    status: { ...(status?.phase && { phase: status.phase }), ...(waypointOf(raw) && readiness(status)) },
  };
}

/** Of waypoints alone: whether anybody answers there. */
function readiness(status: Pod['status']): Pod['status'] {
  const conditions = (status?.conditions ?? []).filter(({ type }) => type === 'Ready');
  return { conditions: conditions.map(({ type, status: is }) => ({ type, status: is })) };
}

function listening({ name, ports }: PodContainer): PodContainer {
  return { name, ...(ports && { ports }) };
}

/** What others wrote: our own objects follow from the world, and are no part of it. */
export function ofOthers<T extends KubeObject>(cache: Cache<T>, className: string): Cache<T> {
  const others = ({ metadata }: T) => !isOurs(metadata.labels, className);
  return {
    get: (key) => {
      const found = cache.get(key);
      return found !== undefined && others(found) ? found : undefined;
    },
    snapshot: () => new Map([...cache.snapshot()].filter(([, object]) => others(object))),
    resourceVersionOf: (key) => cache.resourceVersionOf(key),
    onChange: (listener) =>
      cache.onChange((changes) => {
        listener(
          changes.map((change): CacheChange<T> => (others(change.object) ? change : { ...change, kind: 'deleted' })),
        );
      }),
  };
}

export function isOurs(labels: Readonly<Record<string, string>> | undefined, className: string): boolean {
  return Object.entries(managedBy(className)).every(([name, value]) => labels?.[name] === value);
}

/** What others wrote of an object of Istio, without what Istio says of it. */
export function writtenOf<T extends KubeObject>(object: T): T {
  const { status: _, ...rest } = withoutBookkeeping<KubeObject & { readonly status?: unknown }>(object);
  const { resourceVersion: __, ...metadata } = rest.metadata;
  return { ...rest, metadata } as KubeObject as T;
}

export function sameWrittenOf(before: KubeObject, after: KubeObject): boolean {
  const of = ({ metadata: { uid, generation, deletionTimestamp, labels, annotations } }: KubeObject) =>
    JSON.stringify([uid, generation, deletionTimestamp, labels, annotations]);
  return of(before) === of(after);
}
