/** A status as it is stored: with the times at which its conditions changed. Pure. */
import { createHash } from 'node:crypto';
import type { Condition, KubeObject } from '../../kube/object.ts';
import type { Status } from '../../reconcilers/statuses.ts';

export type StoredCondition = Condition & { readonly lastTransitionTime?: string };

export interface StoredStatus {
  readonly observedGeneration?: number;
  readonly conditions?: readonly StoredCondition[];
  readonly [field: string]: unknown;
}

/** An object of ours as the API server has it. */
export type Reported = KubeObject & { readonly status?: StoredStatus };

/** `status` with the times of `before` where a condition's status is the same, and `now` elsewhere. */
export function stamped(status: Status, before: StoredStatus | undefined, now: string): StoredStatus {
  return stamp(status, before, now) as StoredStatus;
}

/** Lists of conditions are within listeners and parents, too; those are met by their name or parentRef. */
function stamp(value: unknown, before: unknown, now: string): unknown {
  if (Array.isArray(value)) {
    const others = Array.isArray(before) ? before : [];
    return value.map((item: unknown) => {
      const id = identity(item);
      return stamp(item, id === undefined ? undefined : others.find((other) => identity(other) === id), now);
    });
  }
  if (!isRecord(value)) return value;
  const old = isRecord(before) ? before : {};
  if (!isCondition(value)) {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, stamp(item, old[name], now)]));
  }
  const kept = old['status'] === value['status'] ? old['lastTransitionTime'] : undefined;
  return { ...value, lastTransitionTime: kept ?? now };
}

function isCondition(value: Readonly<Record<string, unknown>>): boolean {
  return (
    typeof value['type'] === 'string' && typeof value['status'] === 'string' && typeof value['reason'] === 'string'
  );
}

function identity(item: unknown): string | undefined {
  if (!isRecord(item)) return undefined;
  const id = item['parentRef'] ?? (isCondition(item) ? item['type'] : item['name']);
  return id === undefined ? undefined : JSON.stringify(sorted(id));
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether they say the same, in whatever order their fields are. */
export function sameStatus(left: StoredStatus | undefined, right: StoredStatus | undefined): boolean {
  return JSON.stringify(sorted(left)) === JSON.stringify(sorted(right));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isRecord(value)) return value;
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return Object.fromEntries(
    entries.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, item]) => [name, sorted(item)]),
  );
}

/** RFC 7396: what is gone has to be named. */
export function statusPatch(status: StoredStatus, before: StoredStatus | undefined): object {
  const gone = Object.keys(before ?? {}).filter((name) => status[name] === undefined);
  return { ...status, ...Object.fromEntries(gone.map((name) => [name, null])) };
}

export function conditionOf(status: StoredStatus | undefined, type: string): StoredCondition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

/** A condition changed, or the generation that it was found for: more than counts and messages. */
export function isNews(before: StoredStatus, after: StoredStatus): boolean {
  const told = ({ observedGeneration, conditions = [] }: StoredStatus) =>
    JSON.stringify([observedGeneration, conditions.map(({ type, status, reason }) => [type, status, reason])]);
  return told(before) !== told(after);
}

/** How an object is doing changed, so that it is worth an Event. */
export function isTransition(before: StoredStatus | undefined, after: StoredStatus): boolean {
  const [old, fresh] = [conditionOf(before, 'Ready'), conditionOf(after, 'Ready')];
  if (fresh === undefined || fresh.status === 'Unknown') return false;
  return old?.status !== fresh.status || old.reason !== fresh.reason;
}

/** Waiting for Envoys or the mesh, and for nothing else that somebody would have to do. */
export function isWaiting({ conditions = [], ...status }: StoredStatus): boolean {
  const waits = conditions.some(({ status: is, reason }) => is === 'Unknown' && reason === 'Pending');
  return waits && ('gateways' in status || 'target' in status || 'listeners' in status);
}

/** Beside what is wrong, of some places it is not known yet how they are doing. */
export function isPartial({ enforcement }: StoredStatus): boolean {
  return Array.isArray(enforcement) && enforcement.some((place) => isRecord(place) && place['reason'] === 'Pending');
}

/** Something is wrong that was not, or otherwise. */
export function isWorse(before: StoredStatus | undefined, { conditions = [] }: StoredStatus): boolean {
  return conditions.some(({ type, status, reason }) => {
    const known = conditionOf(before, type);
    return status === 'False' && (known?.status !== status || known.reason !== reason);
  });
}

export function isReady(status: StoredStatus | undefined): boolean {
  return conditionOf(status, 'Ready')?.status === 'True';
}

/** events.k8s.io/v1 Event; its name is made of what it tells, and when. */
export function eventOf(object: KubeObject, condition: Condition, when: string, instance: string): KubeObject {
  const { namespace = '', name, uid = '', resourceVersion } = object.metadata;
  const told = createHash('sha256')
    .update(JSON.stringify([uid, condition, when]))
    .digest('hex')
    .slice(0, 16);
  const event = {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { namespace, name: `${name.slice(0, 200)}.${told}` },
    eventTime: when.replace('Z', '000Z'),
    reportingController: 'evengate.dev/operator',
    reportingInstance: instance.slice(0, 128),
    action: 'Reconcile',
    type: condition.status === 'True' ? 'Normal' : 'Warning',
    reason: condition.reason,
    note: condition.message.slice(0, 1024).toWellFormed(),
    regarding: { apiVersion: object.apiVersion, kind: object.kind, namespace, name, uid, resourceVersion },
  };
  return event;
}
