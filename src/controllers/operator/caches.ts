/** What the operator watches, and how much of each object it keeps. */
import type { ResourceType } from '../../kube/client.ts';
import { type Namespace, type ReferenceGrant, type Service, waypointBound } from '../../kube/core.ts';
import type { KubeObject } from '../../kube/object.ts';
import type { ContainerStatus, Pod } from '../../kube/pod.ts';
import { resources } from '../../kube/resources.ts';
import type { ReportedKind } from '../../reconcilers/statuses.ts';
import { managedBy, toldLabel } from '../../render/names.ts';
import { cache } from '../../runtime/cache.ts';
import type { KubeClient } from '../../runtime/client.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Component } from '../../runtime/component-group.ts';
import type { Log } from '../../runtime/logger.ts';
import { OnDemand } from '../../runtime/on-demand.ts';
import { withoutBookkeeping } from '../../runtime/project.ts';
import type { Source } from '../../runtime/source.ts';
import { type ChildKind, childKinds } from './children.ts';
import { type MeshSources, meshSources } from './mesh/caches.ts';
import { enrolledAnnotation } from './mesh/enrolment.ts';
import type { Reported } from './transitions.ts';

export interface CacheOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Log;
  /** All when absent. */
  readonly namespaces?: readonly string[] | undefined;
  readonly className: string;
  readonly readSecrets: boolean;
  /** All that are watched when absent. */
  readonly secretNamespaces?: readonly string[] | undefined;
}

export interface Caches {
  readonly own: Readonly<Record<ReportedKind, Source<Reported>>>;
  readonly Service: Source<Service>;
  readonly Namespace: Source<Namespace>;
  readonly ReferenceGrant: Source<ReferenceGrant>;
  readonly Pod: Source<Pod>;
  /** Secrets only where the operator reads them. */
  readonly children: Readonly<
    Record<Exclude<ChildKind, 'Secret'>, Source<KubeObject>> & Partial<Record<'Secret', Source<KubeObject>>>
  >;
  /** ConfigMaps of the deliveries, without their content. */
  readonly told: Source<KubeObject>;
  readonly mesh: MeshSources;
  readonly components: readonly Component[];
  /** All of them. */
  readonly sources: readonly NamedSource[];
}

export interface NamedSource {
  readonly name: string;
  readonly source: Source<KubeObject>;
  /** The resource type may be missing, or out of reach. */
  readonly optional: boolean;
}

export function openCaches(options: CacheOptions): Caches {
  const sources: NamedSource[] = [];
  const openAs = <T extends KubeObject, S extends Source<T>>(
    type: ResourceType,
    { label = type.plural, optional = false, ...more }: Partial<Watched<T>>,
    wrap: (source: Source<T>) => S,
  ): S => {
    const source = wrap(cache<T>({ ...options, log: options.log.child({ logger: 'cache' }), type, optional, ...more }));
    sources.push({ name: label, source, optional });
    return source;
  };
  const open: Open = (type, more = {}) => openAs(type, more, (source) => source);
  const labelSelector = Object.entries(managedBy(options.className))
    .map(([name, value]) => `${name}=${value}`)
    .join();
  const caches = {
    own: {
      ApiGateway: open<Reported>(resources.ApiGateway),
      Route: open<Reported>(resources.Route),
      AuthPolicy: open<Reported>(resources.AuthPolicy),
      RateLimitPolicy: open<Reported>(resources.RateLimitPolicy),
    },
    Service: open<Service>(resources.Service, { project: backend }),
    // Rights in a few namespaces are none on Namespaces; then allowedRoutes knows them by their names alone.
    Namespace: open<Namespace>(resources.Namespace, { project: labelled, optional: options.namespaces !== undefined }),
    // Clusters without Gateway API have none, and then nobody has granted anything.
    ReferenceGrant: open<ReferenceGrant>(resources.ReferenceGrant, { optional: true, project: specOnly }),
    told: open(resources.ConfigMap, {
      labelSelector: `${labelSelector},${toldLabel}`,
      label: 'what Envoys are told',
      metadataOnly: true,
      project: configMapMetadata,
    }),
    Pod: open<Pod>(resources.Pod, { labelSelector, label: 'own pods', project: podOf }),
    children: openChildren(options, labelSelector, open),
    mesh: meshSources((type, { wrap, ...more }) => openAs(type, more, wrap)),
  };
  return { ...caches, sources, components: sources.map(component) };
}

type Open = <T extends KubeObject>(type: ResourceType, more?: Partial<Watched<T>>) => Source<T>;

function openChildren(options: CacheOptions, labelSelector: string, open: Open): Caches['children'] {
  const readable = childKinds.filter((kind) => kind !== 'Secret' || options.readSecrets);
  const ours = readable.map((kind) => {
    const selector = kind === 'ConfigMap' ? `${labelSelector},!${toldLabel}` : labelSelector;
    const where = kind === 'Secret' && options.secretNamespaces ? { namespaces: options.secretNamespaces } : {};
    const label = `own ${resources[kind].plural}`;
    return [kind, open(resources[kind], { labelSelector: selector, label, ...where })] as const;
  });
  return Object.fromEntries(ours) as unknown as Caches['children'];
}

interface Watched<T extends KubeObject> {
  readonly namespaces: readonly string[];
  readonly labelSelector: string;
  readonly metadataOnly: boolean;
  readonly project: ((raw: KubeObject) => T) | undefined;
  readonly label: string;
  /** The resource type may be missing, or out of reach. */
  readonly optional: boolean;
}

function component({ name, source, optional }: NamedSource): Component {
  return {
    name,
    run: (stop) => source.run(stop),
    unsynced: () => {
      const { synced, state } = source;
      if (synced || (source instanceof OnDemand && !source.wanted)) return undefined;
      if (state.kind !== 'behind') return 'not answered yet';
      if (optional && state.cause !== 'failing') return undefined;
      if (state.cause === 'missing') return 'the API server does not know this resource type; install its CRD';
      return state.error.message;
    },
  };
}

function meta({ metadata }: KubeObject): KubeObject['metadata'] {
  const { name, namespace, uid, resourceVersion } = metadata;
  return { name, ...(namespace && { namespace }), ...(uid && { uid }), ...(resourceVersion && { resourceVersion }) };
}

function backend(raw: KubeObject): Service {
  const { type, externalName, clusterIP, selector, ports } = (raw as Service).spec ?? {};
  const spec = {
    ...(type && { type }),
    ...(externalName && { externalName }),
    ...(clusterIP && { clusterIP }),
    ...(selector && { selector }),
    ...(ports && { ports }),
  };
  const labels = Object.entries(raw.metadata.labels ?? {}).filter(([name]) => name.startsWith('istio.io/'));
  const conditions = ((raw as Service).status?.conditions ?? []).filter(({ type }) => type === waypointBound);
  return {
    apiVersion: raw.apiVersion,
    kind: raw.kind,
    metadata: { ...meta(raw), ...(labels.length > 0 && { labels: Object.fromEntries(labels) }), ...enrolled(raw) },
    spec,
    ...(conditions.length > 0 && { status: { conditions } }),
  };
}

function labelled(raw: KubeObject): Namespace {
  const { labels } = raw.metadata;
  return {
    apiVersion: raw.apiVersion,
    kind: raw.kind,
    metadata: { ...meta(raw), ...(labels && { labels }), ...enrolled(raw) },
  };
}

/** Whether the labels that make Istio take it up are ours. */
function enrolled({ metadata: { annotations } }: KubeObject): Pick<KubeObject['metadata'], 'annotations'> {
  const by = annotations?.[enrolledAnnotation];
  return by === undefined ? {} : { annotations: { [enrolledAnnotation]: by } };
}

function specOnly<T extends KubeObject>(raw: KubeObject): T {
  return { apiVersion: raw.apiVersion, kind: raw.kind, metadata: meta(raw), spec: raw.spec } as KubeObject as T;
}

/** Its annotations change with every publication. */
function podOf(raw: KubeObject): Pod {
  const { labels, deletionTimestamp } = raw.metadata;
  const { spec, status } = raw as Pod;
  const containers = (spec?.containers ?? []).map(({ name, image, volumeMounts }) => ({
    name,
    ...(image && { image }),
    ...(volumeMounts && { volumeMounts }),
  }));
  const conditions = (status?.conditions ?? []).filter(({ type }) => type === 'Ready' || type === 'PodScheduled');
  const containerStatuses = (status?.containerStatuses ?? []).map(waitingOf);
  const initContainerStatuses = status?.initContainerStatuses?.map(waitingOf);
  return {
    apiVersion: raw.apiVersion,
    kind: raw.kind,
    metadata: { ...meta(raw), ...(labels && { labels }), ...(deletionTimestamp && { deletionTimestamp }) },
    spec: { containers },
    status: {
      ...(status?.phase && { phase: status.phase }),
      ...(status?.podIP && { podIP: status.podIP }),
      conditions: conditions.map(({ type, status: is, reason, message }) => ({
        type,
        status: is,
        ...(reason && { reason }),
        ...(message && { message }),
      })),
      containerStatuses,
      ...(initContainerStatuses && { initContainerStatuses }),
    },
  };
}

function waitingOf({ name, restartCount, state }: ContainerStatus): ContainerStatus {
  return { name, ...(restartCount && { restartCount }), ...(state?.waiting && { state: { waiting: state.waiting } }) };
}

/** Its version stands for its content, so that every write is a change. */
function configMapMetadata(raw: KubeObject): KubeObject {
  const { metadata } = withoutBookkeeping(raw);
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, spec: metadata.resourceVersion };
}
