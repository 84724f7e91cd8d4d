/**
 * What tools that wait for objects demand of a status: kstatus (sigs.k8s.io/cli-utils), and the conditions check of Flux
 * (fluxcd/pkg runtime/conditions/check).
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
  const is = (type: string) => conditions.find((condition) => condition.type === type)?.status;
  if (is('Reconciling') === 'True') return 'InProgress';
  if (is('Stalled') === 'True') return 'Failed';
  const ready = is('Ready');
  return ready === undefined || ready === 'True' ? 'Current' : 'InProgress';
}

/** Faults, one sentence each; none of an object that nobody has reported on yet. */
export function statusFaults(object: KubeObject): readonly string[] {
  const status = statusOf(object);
  if (status.conditions === undefined) return [];
  const all = conditionsWithin(status);
  const about = `${object.kind} ${object.metadata.namespace}/${object.metadata.name}`;
  return [
    ...fluxFaults(status, object.metadata.generation ?? 0),
    ...all.flatMap((one) => shapeFaults(one, object)),
  ].map((fault) => `${about}: ${fault}`);
}

function fluxFaults({ conditions = [], observedGeneration }: Status, generation: number): readonly string[] {
  const of = (type: string) => conditions.find((condition) => condition.type === type);
  const [ready, reconciling, stalled] = [of('Ready'), of('Reconciling'), of('Stalled')];
  const faults: (readonly [boolean, string])[] = [
    [ready === undefined, 'FAIL0002 there is no Ready'],
    [
      ready?.status === 'True' && [reconciling, stalled].some((one) => one?.status === 'True'),
      'FAIL0001 Ready beside bad news',
    ],
    [reconciling !== undefined && stalled !== undefined, 'FAIL0005 Reconciling and Stalled'],
    [stalled?.status === 'True' && ready?.status !== 'False', 'FAIL0004 Stalled, and Ready is not False'],
    [observedGeneration === undefined, 'there is no observedGeneration'],
    [(observedGeneration ?? 0) > generation, 'FAIL0006 observedGeneration is of the future'],
    [
      ready?.status === 'True' && ready.observedGeneration !== observedGeneration,
      'FAIL0007 Ready for another generation',
    ],
    [ready?.status === 'Unknown' && reconciling?.status !== 'True', 'FAIL0011 Ready is Unknown without Reconciling'],
    [
      [reconciling, stalled].some((one) => one !== undefined && one.status !== 'True'),
      'WARN bad news that is not true',
    ],
    [new Set(conditions.map(({ type }) => type)).size < conditions.length, 'a condition is there twice'],
  ];
  return faults.flatMap(([is, fault]) => (is ? [fault] : []));
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
