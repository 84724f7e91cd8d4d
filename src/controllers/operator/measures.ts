/** What the operator holds, as samples: counts of objects, and each gateway's state. */
import { X509Certificate } from 'node:crypto';
import { bytesOf, shardBytes } from '../../delivery/configmap/shards.ts';
import type { Secret } from '../../kube/core.ts';
import type { KubeObject, ObjectRef } from '../../kube/object.ts';
import { authorOf } from '../../reconcilers/authorship.ts';
import type { WorkloadStates } from '../../reconcilers/mesh.ts';
import { foreignCertificates } from '../../reconcilers/mirror.ts';
import { isReady } from '../../reconcilers/pods.ts';
import { type ReportedKind, reportedKinds } from '../../reconcilers/statuses.ts';
import type { EdgeFile } from '../../render/edge.ts';
import { childName, configMapNames } from '../../render/names.ts';
import type { Sample } from '../../runtime/metrics.ts';
import { type Delivery, programmed } from '../../status/conditions.ts';
import type { Finding } from '../../status/finding.ts';
import type { Cache } from './collections.ts';
import type { Pods } from './pods.ts';
import { refKey } from './secrets.ts';
import { conditionOf, type Reported } from './transitions.ts';
import type { View } from './world.ts';

/** What there is to measure while this process leads. */
export interface Led {
  readonly className: string;
  readonly own: Readonly<Record<ReportedKind, Cache<Reported>>>;
  readonly deployments: Cache;
  readonly pods: Pods;
  readonly loop: { readonly view: View | undefined; readonly findings: readonly Finding[] };
  readonly edges: { readonly gateways: readonly TellingState[] };
  readonly mesh: { readonly workloads: { readonly states: WorkloadStates } };
}

/** What one gateway's Envoys are told. */
export interface TellingState {
  readonly ref: ObjectRef;
  readonly report: Delivery | undefined;
  readonly files: readonly EdgeFile[];
}

const states = ['ready', 'invalid', 'blocked', 'degraded', 'pending'] as const;
type State = (typeof states)[number];

/** Reasons for which requests are answered 500 or 403 that another policy or reference would admit. */
const blocking: ReadonlySet<string> = new Set(['PolicyBlocked', 'NotCovered', 'BackendNotFound', 'RefNotPermitted']);

function stateOf({ status }: Reported): State {
  const ready = conditionOf(status, 'Ready');
  if (ready === undefined || ready.status === 'Unknown') return 'pending';
  if (ready.status === 'True') return 'ready';
  if (conditionOf(status, 'Accepted')?.status === 'False') return 'invalid';
  return blocking.has(ready.reason) ? 'blocked' : 'degraded';
}

/** Of objects that this operator reports on, and of each state, also where there is none in it. */
export function objects(led: Led): readonly Sample<'kind' | 'state'>[] {
  return reportedKinds.flatMap((kind) => {
    const counts = countBy(ours(kind, led), stateOf);
    return states.map((state) => ({ labels: { kind, state }, value: counts.get(state) ?? 0 }));
  });
}

function ours(kind: ReportedKind, { own, loop: { view }, className }: Led): readonly Reported[] {
  if (view === undefined) return [];
  const all = [...own[kind].snapshot()];
  return all.filter(([key]) => authorOf(kind, key, view.resolution) === className).map(([, object]) => object);
}

export function findings({ loop }: Led): readonly Sample<'reason' | 'severity'>[] {
  const counts = countBy(loop.findings, ({ reason, severity }) => `${reason} ${severity}`);
  return [...counts].map(([both, value]) => {
    const [reason = '', severity = ''] = both.split(' ');
    return { labels: { reason, severity }, value };
  });
}

/** Conditions that say whether a layer enforces a policy. */
const enforcing = [
  ['AuthPolicy', 'edge', 'EdgeEnforced'],
  ['AuthPolicy', 'mesh', 'MeshEnforced'],
  ['RateLimitPolicy', 'edge', 'Programmed'],
] as const;
const enforcements = ['enforced', 'shadow', 'pending', 'failed'] as const;

export function enforcement(led: Led): readonly Sample<'kind' | 'layer' | 'state'>[] {
  return enforcing.flatMap(([kind, layer, condition]) => {
    // Only what a mesh has a part in has the second one.
    const concerned = ours(kind, led).filter(
      ({ status }) => layer === 'edge' || conditionOf(status, condition) !== undefined,
    );
    const counts = countBy(concerned, ({ status }) => {
      const accepted = conditionOf(status, 'Accepted');
      if (accepted?.status === 'False') return 'failed';
      const verdict = conditionOf(status, condition);
      if (verdict === undefined || verdict.status === 'Unknown') return 'pending';
      if (verdict.status === 'True') return 'enforced';
      return verdict.reason === 'Shadow' ? 'shadow' : 'failed';
    });
    return enforcements.map((state) => ({ labels: { kind, layer, state }, value: counts.get(state) ?? 0 }));
  });
}

const workloadStates = ['applied', 'waiting', 'taken', 'refused', 'missing', 'kept'] as const;

export function workloads({ mesh }: Led): readonly Sample<'state'>[] {
  const counts = countBy(mesh.workloads.states.values(), ({ kind }) => kind);
  return workloadStates.map((state) => ({ labels: { state }, value: counts.get(state) ?? 0 }));
}

type OfGateway = 'gateway_namespace' | 'gateway';

/** By the name of the declaration. */
export const gatewaySamples = {
  programmed: eachGateway(({ report }) => [{ labels: {}, value: programmed(report).status === 'True' ? 1 : 0 }]),
  rejected: eachGateway(({ report }) => [{ labels: {}, value: report?.rejected === undefined ? 0 : 1 }]),
  pods: eachGateway(({ ref, report }, { pods, deployments }) => [
    { labels: { state: 'wanted' }, value: replicasOf(deployments.get(refKey({ ...ref, name: childName(ref) }))) },
    { labels: { state: 'ready' }, value: pods.of(ref).filter(isReady).length },
    { labels: { state: 'acknowledged' }, value: report?.envoys?.loaded ?? 0 },
  ]),
  configBytes: eachGateway(({ files }) => {
    const { tables, largest, all } = sizesOf(files);
    return [
      { labels: { part: 'route_tables' }, value: tables },
      { labels: { part: 'largest_file' }, value: largest },
      { labels: { part: 'all' }, value: all },
    ];
  }),
  configUsage: eachGateway(({ ref, files }) => {
    const { largest, all } = sizesOf(files);
    const shards = configMapNames(ref).length;
    return [{ labels: {}, value: Math.max(largest / shardBytes, all / (shards * shardBytes)) }];
  }),
} as const;

type Loose = Sample<string>;

function eachGateway(read: (one: TellingState, led: Led) => readonly Loose[]): (led: Led) => readonly Loose[] {
  return (led) =>
    led.edges.gateways.flatMap((one) =>
      read(one, led).map(({ labels, value }) => ({ labels: { ...gatewayLabels(one.ref), ...labels }, value })),
    );
}

function gatewayLabels({ namespace, name }: ObjectRef): Readonly<Record<OfGateway, string>> {
  return { gateway_namespace: namespace, gateway: name };
}

function replicasOf(deployment: KubeObject | undefined): number {
  const spec = deployment?.spec as { readonly replicas?: number } | undefined;
  return deployment === undefined ? 0 : (spec?.replicas ?? 1);
}

function sizesOf(files: readonly EdgeFile[]) {
  const sizes = files.map((file) => ({ bytes: bytesOf(file), isTable: file.subscription.kind === 'rds' }));
  const sum = (some: readonly { readonly bytes: number }[]) => some.reduce((total, { bytes }) => total + bytes, 0);
  return {
    tables: sum(sizes.filter(({ isTable }) => isTable)),
    largest: Math.max(0, ...sizes.map(({ bytes }) => bytes)),
    all: sum(sizes),
  };
}

/** Of certificates from other namespaces: those of its own are mounted, and read by Envoy alone. */
export function certificates({ loop: { view } }: Led): readonly Sample<OfGateway | 'secret'>[] {
  if (view === undefined) return [];
  return [...view.resolution.gateways.values()].flatMap((gateway) =>
    foreignCertificates(gateway).flatMap((ref) => {
      const key = refKey(ref);
      const secret = view.snapshot.Secret.get(key);
      const value = secret && notAfterOf(secret);
      return value === undefined ? [] : [{ labels: { ...gatewayLabels(gateway.ref), secret: key }, value }];
    }),
  );
}

const known = new WeakMap<Secret, number | undefined>();

/** Unix time in seconds; undefined where there is no certificate that can be read: a finding tells of that. */
function notAfterOf(secret: Secret): number | undefined {
  if (known.has(secret)) return known.get(secret);
  const pem = secret.data?.['tls.crt'];
  const value = pem === undefined ? undefined : endOf(Buffer.from(pem, 'base64'));
  known.set(secret, value);
  return value;
}

function endOf(pem: Buffer): number | undefined {
  try {
    return Date.parse(new X509Certificate(pem).validTo) / 1000;
  } catch {
    return undefined;
  }
}

function countBy<T, K>(items: Iterable<T>, key: (item: T) => K): ReadonlyMap<K, number> {
  const counts = new Map<K, number>();
  for (const item of items) counts.set(key(item), (counts.get(key(item)) ?? 0) + 1);
  return counts;
}
