/** What the Pods of a gateway tell: which certificates they have, and what keeps them from being Ready. */
import type { KubeObject } from '../kube/object.ts';
import type { Pod } from '../kube/pod.ts';
import { paths } from '../render/envoy-process.ts';

export function isReady({ metadata, status }: Pod): boolean {
  if (metadata.deletionTimestamp !== undefined) return false;
  return (status?.conditions ?? []).some(({ type, status: is }) => type === 'Ready' && is === 'True');
}

/** It has not ended for good, and nobody has asked it to. */
export function isLiving({ metadata, status }: Pod): boolean {
  return metadata.deletionTimestamp === undefined && !hasEnded(status?.phase);
}

const hasEnded = (phase: string | undefined) => phase === 'Failed' || phase === 'Succeeded';

/** A clock of the API server and ours may differ, and the kubelet takes a moment to say that a Pod has ended. */
const afterGraceMs = 5000;

/** It was asked to end, and may still answer on connections from before. `now`: ms since the epoch. */
export function servesYet(pod: Pod, now: number): boolean {
  return servesYetMs(pod, now) > 0;
}

/** … for so long at most. */
export function servesYetMs({ metadata: { deletionTimestamp }, status }: Pod, now: number): number {
  if (deletionTimestamp === undefined || hasEnded(status?.phase)) return 0;
  // What Kubernetes writes there is the end of the grace period.
  return Math.max(0, Date.parse(deletionTimestamp) + afterGraceMs - now);
}

/** Folders of certificates that each of the Pods has; undefined without any Pod. */
export function mountedCertificates(pods: readonly Pod[]): ReadonlySet<string> | undefined {
  const [first, ...others] = pods.map(certificatesOf);
  return first && new Set([...first].filter((name) => others.every((own) => own.has(name))));
}

function certificatesOf({ spec }: Pod): ReadonlySet<string> {
  return new Set(foldersIn(spec));
}

/** Whether each of the Pods has the mesh's certificate. */
export function haveIdentity(pods: readonly Pod[]): boolean {
  return pods.every(({ spec }) => mountPaths(spec).includes(paths.identity));
}

/** Folders of certificates that the Pods of a Deployment get. */
export function mountedFolders(deployment: KubeObject | undefined): readonly string[] {
  const spec = deployment?.spec as { readonly template?: { readonly spec?: Pod['spec'] } } | undefined;
  return foldersIn(spec?.template?.spec);
}

function foldersIn(spec: Pod['spec']): readonly string[] {
  const prefix = `${paths.certificates}/`;
  return mountPaths(spec).flatMap((path) => (path.startsWith(prefix) ? [path.slice(prefix.length)] : []));
}

/** Of Envoy; what runs beside it is an init container. */
function mountPaths(spec: Pod['spec']): readonly string[] {
  const mounts = (spec?.containers ?? []).flatMap(({ volumeMounts }) => volumeMounts ?? []);
  return mounts.map(({ mountPath }) => mountPath);
}

/** States of a container that pass by themselves. */
const passing = ['ContainerCreating', 'PodInitializing'];

/** `Pod edge-7f: ErrImagePull: …`, of those that cannot start; sorted, each trouble once. */
export function podTroubles(pods: readonly Pod[]): readonly string[] {
  const troubles = pods.filter(isLiving).flatMap((pod) => {
    const trouble = troubleOf(pod);
    return trouble === undefined ? [] : [{ name: pod.metadata.name, trouble }];
  });
  const byTrouble = Map.groupBy(troubles, ({ trouble }) => trouble);
  return [...byTrouble].map(([trouble, own]) => `${podsText(own.map(({ name }) => name))}: ${trouble}`).toSorted();
}

interface WithConditions extends KubeObject {
  readonly status?: {
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
  };
}

/** Why a Deployment gets no more Pods: a quota or an admission policy. It names none of them, since each try has another. */
export function creationTrouble(deployment: KubeObject | undefined): string | undefined {
  const conditions = (deployment as WithConditions | undefined)?.status?.conditions ?? [];
  const failure = conditions.find(({ type, status }) => type === 'ReplicaFailure' && status === 'True');
  return failure && sentence(failure.reason ?? failure.type, failure.message?.replace(/^pods "[^"]*"/, 'a Pod'));
}

function podsText(names: readonly string[]): string {
  const [first = ''] = names.toSorted();
  return names.length === 1 ? `Pod ${first}` : `Pod ${first} and ${names.length - 1} more`;
}

function troubleOf({ status }: Pod): string | undefined {
  const unscheduled = (status?.conditions ?? []).find(
    ({ type, status: is }) => type === 'PodScheduled' && is === 'False',
  );
  if (unscheduled !== undefined) return sentence(unscheduled.reason ?? 'Unschedulable', unscheduled.message);
  const containers = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  for (const { state } of containers) {
    const { reason = '', message } = state?.waiting ?? {};
    if (reason !== '' && !passing.includes(reason)) return sentence(kindOf(reason), messageOf(reason, message));
  }
  return undefined;
}

/** The kubelet alternates between the error and the back-off after it; a status should not. */
function kindOf(reason: string): string {
  return reason === 'ImagePullBackOff' ? 'ErrImagePull' : reason;
}

function messageOf(reason: string, message: string | undefined): string | undefined {
  if (reason === 'ImagePullBackOff' || reason === 'ErrImagePull') {
    const [image] = /"[^"]+"/.exec(message ?? '') ?? [];
    return image === undefined ? 'the image cannot be pulled' : `the image ${image} cannot be pulled`;
  }
  // It names how long it waits, which changes with every try.
  return reason === 'CrashLoopBackOff' ? 'the container ends again and again' : message;
}

const longest = 300;

function sentence(reason: string, message: string | undefined): string {
  return message === undefined || message === '' ? reason : `${reason}: ${message.slice(0, longest).toWellFormed()}`;
}
