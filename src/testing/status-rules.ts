/**
 * What tools that wait for objects demand of a status: kstatus (fluxcd/cli-utils), and the conditions check of Flux
 * (fluxcd/pkg runtime/conditions/check). e2e/gitops/statuses.test.ts asks them whether this is what they say.
 */
import type { KubeObject } from '../kube/object.ts';

interface Conditional {
  readonly type?: string;
  readonly status?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly observedGeneration?: number;
  readonly lastTransitionTime?: string;
}

interface Status {
  readonly observedGeneration?: number;
  readonly conditions?: readonly Conditional[];
  readonly [field: string]: unknown;
}

export type KstatusResult = 'Terminating' | 'InProgress' | 'Failed' | 'Current';

/** kstatus' generic computation, in its order. */
export function kstatus(object: KubeObject): KstatusResult {
  const { generation, deletionTimestamp } = object.metadata;
  const { observedGeneration, conditions = [] } = statusOf(object);
  if (deletionTimestamp !== undefined) return 'Terminating';
  if (observedGeneration !== undefined && observedGeneration !== generation) return 'InProgress';
  const bad = conditions.find(
    ({ type = '', status }) => status === 'True' && ['Reconciling', 'Stalled'].includes(type),
  );
  if (bad !== undefined) return bad.type === 'Stalled' ? 'Failed' : 'InProgress';
  const ready = conditions.find(({ type }) => type === 'Ready')?.status;
  return ready === undefined || ready === 'True' ? 'Current' : 'InProgress';
}

/** Faults, one sentence each; none of an object that nobody has reported on yet. */
export function statusFaults(object: KubeObject): readonly string[] {
  const status = statusOf(object);
  if (status.conditions === undefined) return [];
  const all = conditionsWithin(status);
  const about = `${object.kind} ${object.metadata.namespace}/${object.metadata.name}`;
  return [...fluxFaults(object), ...all.flatMap((one) => shapeFaults(one, object))].map(
    (fault) => `${about}: ${fault}`,
  );
}

/** What Flux's check says, by its codes. An object that is being worked on is judged by the rules for those. */
export interface FluxVerdict {
  readonly rules: 'done' | 'in progress';
  readonly fails: readonly FluxRule[];
  readonly warns: readonly FluxRule[];
}

/** In Flux's order. Its WARN0002 is about negative conditions of a controller's own, of which we have none. */
export const fluxRules = {
  FAIL0001: 'Ready beside bad news',
  FAIL0002: 'there is no Ready',
  FAIL0003: 'Reconciling, and Ready is not False',
  FAIL0004: 'Stalled, and Ready is not False',
  FAIL0005: 'Reconciling and Stalled',
  FAIL0006: 'observedGeneration is of the future',
  FAIL0007: 'Ready, and observedGeneration is of the past',
  FAIL0008: 'Ready beside a condition of the past',
  FAIL0009: 'Ready beside a condition of another generation than observedGeneration',
  FAIL0011: 'Ready is Unknown without Reconciling',
  WARN0001: 'Ready beside bad news that is not true',
  WARN0003: 'Reconciling that is False',
  WARN0004: 'Stalled that is False',
  WARN0005: 'a condition without observedGeneration',
} as const;

export type FluxRule = keyof typeof fluxRules;

const whileInProgress: readonly FluxRule[] = [
  'FAIL0002',
  'FAIL0004',
  'FAIL0005',
  'FAIL0006',
  'FAIL0011',
  'WARN0003',
  'WARN0004',
  'WARN0005',
];

export function fluxVerdict(object: KubeObject): FluxVerdict {
  const { conditions = [], observedGeneration = 0 } = statusOf(object);
  const { generation = 0 } = object.metadata;
  const of = (type: string) => conditions.find((condition) => condition.type === type);
  const [ready, reconciling, stalled] = [of('Ready'), of('Reconciling'), of('Stalled')];
  const moving = reconciling?.status === 'True' || (ready?.status ?? 'Unknown') === 'Unknown';
  const bad = [reconciling, stalled].filter((one) => one !== undefined);
  const current = ready?.status === 'True' && bad.every(({ status }) => status !== 'True');
  const generations = conditions.map((condition) => condition.observedGeneration ?? 0);
  const broken: Readonly<Record<FluxRule, boolean>> = {
    FAIL0001: ready?.status === 'True' && !current,
    FAIL0002: ready === undefined,
    FAIL0003: reconciling?.status === 'True' && ready !== undefined && ready.status !== 'False',
    FAIL0004: stalled?.status === 'True' && ready !== undefined && ready.status !== 'False',
    FAIL0005: bad.length > 1,
    FAIL0006: observedGeneration > generation,
    FAIL0007: current && observedGeneration < generation,
    FAIL0008: current && generations.some((one) => one < generation),
    FAIL0009: current && generations.some((one) => one !== observedGeneration),
    FAIL0011: (ready?.status ?? 'Unknown') === 'Unknown' && reconciling?.status !== 'True',
    WARN0001: ready?.status === 'True' && bad.length > 0,
    WARN0003: reconciling?.status === 'False',
    WARN0004: stalled?.status === 'False',
    WARN0005: generations.some((one) => one < 1),
  };
  const all = Object.keys(fluxRules) as readonly FluxRule[];
  const found = all.filter((rule) => broken[rule] && (moving ? whileInProgress.includes(rule) : rule !== 'FAIL0011'));
  return {
    rules: moving ? 'in progress' : 'done',
    fails: found.filter((rule) => rule.startsWith('FAIL')),
    warns: found.filter((rule) => rule.startsWith('WARN')),
  };
}

function fluxFaults(object: KubeObject): readonly string[] {
  const { conditions = [], observedGeneration } = statusOf(object);
  const { fails, warns } = fluxVerdict(object);
  // Somebody wrote a moment ago, or nobody serves it any more: kstatus says InProgress, and Flux asks its own controllers only.
  const unseen = (observedGeneration ?? 0) < (object.metadata.generation ?? 0);
  const counted = fails.filter((rule) => !(unseen && (rule === 'FAIL0007' || rule === 'FAIL0008')));
  const twice = new Set(conditions.map(({ type }) => type)).size < conditions.length;
  return [
    ...[...counted, ...warns].map((rule) => `${rule} ${fluxRules[rule]}`),
    ...(observedGeneration === undefined ? ['there is no observedGeneration'] : []),
    ...(twice ? ['a condition is there twice'] : []),
  ];
}

/** meta/v1 Condition, and what users of CEL compare. */
function shapeFaults(condition: Conditional, { metadata, ...object }: KubeObject): readonly string[] {
  const { type = '', status = '', reason = '', message, observedGeneration, lastTransitionTime = '' } = condition;
  const whole = (object as { readonly status?: Status }).status;
  const faults: (readonly [boolean, string])[] = [
    [!['True', 'False', 'Unknown'].includes(status), `has status ${status}`],
    [!/^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/.test(reason), `has reason ${reason}`],
    [message === undefined, 'has no message'],
    [
      observedGeneration === undefined || observedGeneration > (metadata.generation ?? 0),
      'has no good observedGeneration',
    ],
    [observedGeneration !== whole?.observedGeneration, 'is of another generation than its status'],
    [!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(lastTransitionTime), `changed at ${lastTransitionTime}`],
  ];
  return faults.flatMap(([is, fault]) => (is ? [`condition ${type} ${fault}`] : []));
}

function statusOf(object: KubeObject): Status {
  return (object as { readonly status?: Status }).status ?? {};
}

/** Also of parents and listeners. */
function conditionsWithin(value: unknown): readonly Conditional[] {
  if (Array.isArray(value)) return value.flatMap(conditionsWithin);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, child]) =>
    name === 'conditions' && Array.isArray(child) ? (child as readonly Conditional[]) : conditionsWithin(child),
  );
}
