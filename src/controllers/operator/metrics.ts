/** Metrics of our own, read from what the operator holds when they are scraped: what is gone has no series. */
import process from 'node:process';
import type { Published } from '../../delivery/configmap.ts';
import { keyOf, type ObjectKey, type ObjectRef } from '../../kube/object.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Metrics, Sample } from '../../runtime/metrics.ts';
import type { NamedSource } from './caches.ts';
import { certificates, enforcement, findings, gatewaySamples, type Led, objects, workloads } from './measures.ts';
import { securityKinds } from './mesh/stored.ts';
import { operatorMetricList as list } from './metric-list.ts';

export interface OperatorMeasures {
  /** Milliseconds of one resolution of all that is watched. */
  readonly resolved: (ms: number) => void;
  /** An answer of a gateway's Envoys, and milliseconds until it. */
  readonly published: (gateway: ObjectRef, published: Pick<Published, 'kind' | 'revision'>, ms: number) => void;
  /** What was published was refused, for a reason that is new. */
  readonly rejected: (gateway: ObjectRef) => void;
  /** There is no such gateway any more. */
  readonly gone: (gateway: ObjectKey) => void;
  readonly meshWritten: (write: 'apply' | 'delete', kind: string) => void;
  readonly keysFetched: (result: 'fetched' | 'failed') => void;
  /** What is measured from now on; undefined while this process does not lead. */
  readonly leads: (what: Led | undefined) => void;
}

export interface MetricsOptions {
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly className: string;
  readonly version: string;
  readonly sources: readonly NamedSource[];
}

const seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export function operatorMetrics(options: MetricsOptions): OperatorMeasures {
  const { metrics, className, version } = options;
  let led: Led | undefined;
  const whileLeading =
    <L extends string>(read: (now: Led) => Iterable<Sample<L>>) =>
    () =>
      led === undefined ? [] : read(led);
  metrics.gauge(list.build).set({ version, node: process.version, class: className }, 1);
  metrics.state(list.objects, whileLeading(objects));
  metrics.state(list.findings, whileLeading(findings));
  metrics.state(list.enforcement, whileLeading(enforcement));
  metrics.state(list.meshWorkloads, whileLeading(workloads));
  metrics.state(list.certificate, whileLeading(certificates));
  for (const [name, read] of Object.entries(gatewaySamples)) {
    metrics.state<string>(list[name as keyof typeof gatewaySamples], whileLeading(read));
  }
  cacheMetrics(options);
  const resolution = metrics.histogram(list.resolution, seconds);
  return {
    resolved: (ms) => resolution.observe(ms / 1000),
    ...publicationMetrics(options),
    ...meshMetrics(options),
    leads: (what) => {
      led = what;
    },
  };
}

/** All of them from the start: a rate over what appears with its first event misses that event. */
function meshMetrics({ metrics }: MetricsOptions): Pick<OperatorMeasures, 'meshWritten' | 'keysFetched'> {
  const writes = metrics.counter(list.meshWrites);
  const fetches = metrics.counter(list.keyFetches);
  for (const kind of securityKinds) for (const write of ['apply', 'delete']) writes.inc({ write, kind }, 0);
  for (const result of ['fetched', 'failed']) fetches.inc({ result }, 0);
  return {
    meshWritten: (write, kind) => writes.inc({ write, kind }),
    keysFetched: (result) => fetches.inc({ result }),
  };
}

function publicationMetrics({
  metrics,
  clock,
}: MetricsOptions): Pick<OperatorMeasures, 'published' | 'rejected' | 'gone'> {
  const publication = metrics.histogram(list.publication, seconds);
  const rejections = metrics.counter(list.rejections);
  const served = metrics.gauge(list.served);
  const revisions = new Map<ObjectKey, string>();
  return {
    published: (gateway, { kind, revision }, ms) => {
      publication.observe({ result: kind }, ms / 1000);
      // A rate over what appears with its first rejection misses that rejection.
      rejections.inc(labelsOf(gateway), 0);
      const key = keyOf(gateway.namespace, gateway.name);
      if (kind !== 'served' || revisions.get(key) === revision) return;
      revisions.set(key, revision);
      served.set(labelsOf(gateway), clock.now() / 1000);
    },
    rejected: (gateway) => rejections.inc(labelsOf(gateway)),
    gone: (key) => {
      const [namespace = '', name = ''] = key.split('/');
      revisions.delete(key);
      for (const metric of [rejections, served]) metric.remove(labelsOf({ namespace, name }));
    },
  };
}

function labelsOf({ namespace, name }: Pick<ObjectRef, 'namespace' | 'name'>) {
  return { gateway_namespace: namespace, gateway: name };
}

function cacheMetrics({ metrics, clock, sources }: MetricsOptions): void {
  const samples = (read: (one: NamedSource) => number) => () =>
    sources.map((one) => ({ labels: { cache: one.name }, value: read(one) }));
  const behindSeconds = ({ source: { state }, optional }: NamedSource) => {
    const isBehind = state.kind === 'behind' && (!optional || state.cause === 'failing');
    return isBehind ? (clock.monotonic() - state.since) / 1000 : 0;
  };
  metrics.state(
    list.cacheObjects,
    samples(({ source }) => source.snapshot().size),
  );
  metrics.state(list.cacheBehind, samples(behindSeconds));
  const changed = metrics.gauge(list.cacheChanged);
  for (const { name, source } of sources) source.onChange(() => changed.set({ cache: name }, clock.now() / 1000));
}
