/** What must be alike however a run was disturbed, and what must never be. */
import type { KubeObject } from '../../kube/object.ts';
import type { WriteRecord } from '../kube-api/log.ts';
import { statusFaults } from '../status-rules.ts';
import type { OperatorRig } from './rig.ts';

/** Told of what happened, not of what is; and Pods, which are the simulation's. */
const passing = ['Event', 'Lease', 'Pod'];

/** What differs from run to run although nothing differs: numbers of publications, addresses, hashes over uids. */
const masks: readonly (readonly [RegExp, string])[] = [
  [/(\\"version_info\\":\\"[0-9a-f]+)\.\d+/g, '$1'],
  [/"evengate\.dev\/(bootstrap|content|whole)":"[^"]*"/g, '"evengate.dev/$1":"hash"'],
  [/\b(10\.96|198\.51)\.\d+\.\d+/g, '$1.x.y'],
  [/\b[0-9a-f]{32}\b/g, 'token'],
];

/** END: the API server's state as far as it is the operator's and its users'. */
export function endOf({ api }: Pick<OperatorRig, 'api'>): Readonly<Record<string, unknown>> {
  const entries = Object.entries(api.dump()).filter(([id]) => !passing.includes(id.split(' ')[0] ?? ''));
  const text = masks.reduce((all, [what, by]) => all.replaceAll(what, by), JSON.stringify(Object.fromEntries(entries)));
  return JSON.parse(text) as Readonly<Record<string, unknown>>;
}

/** Writes by verb and object; those of Pods and Events by kind. */
export function countsOf(writes: readonly WriteRecord[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const write of writes) counts.set(idOf(write), (counts.get(idOf(write)) ?? 0) + 1);
  return counts;
}

export function idOf({ verb, kind, subresource, namespace, name }: WriteRecord): string {
  const what = `${verb} ${kind}${subresource === '' ? '' : `/${subresource}`}`;
  return passing.includes(kind) ? what : `${what} ${namespace}/${name}`;
}

/** SUM: objects that were written more often than in the undisturbed run, and `allowed` times beyond that. */
export function excess(
  writes: readonly WriteRecord[],
  usual: ReadonlyMap<string, number>,
  allowed: number,
): readonly string[] {
  return [...countsOf(writes)].flatMap(([id, count]) => {
    const most = (usual.get(id) ?? 0) + allowed * (/ (Pod|Event)$/.test(id) ? 8 : 1);
    return count > most ? [`${id} ×${count}, and usually ×${usual.get(id) ?? 0}`] : [];
  });
}

/** Writes that changed nothing. */
export function idleWrites(writes: readonly WriteRecord[]): readonly string[] {
  return writes.filter(({ changed }) => !changed).map(idOf);
}

/** Of every status that was ever written: what it breaks of the rules, and whether it was of an older generation. */
export function reportFaults(writes: readonly WriteRecord[]): readonly string[] {
  return writes.flatMap((write) => {
    const { subresource, after } = write;
    if (subresource !== 'status' || after === undefined) return [];
    const { observedGeneration } = (after['status'] ?? {}) as { readonly observedGeneration?: number };
    const old = observedGeneration !== after.metadata.generation;
    const fault = `${idOf(write)} of generation ${observedGeneration} at ${after.metadata.generation}`;
    return [...statusFaults(after as unknown as KubeObject), ...(old ? [fault] : [])];
  });
}

/** Events that tell what the Event before of their object told. */
export function repeatedEvents(writes: readonly WriteRecord[]): readonly string[] {
  const last = new Map<string, string>();
  return writes.flatMap(({ kind, after }) => {
    if (kind !== 'Event' || after === undefined) return [];
    const { regarding, reason, type } = after as unknown as Told;
    const about = `${regarding.kind} ${regarding.name} ${regarding.uid}`;
    const told = `${type} ${reason}`;
    const again = last.get(about) === told;
    last.set(about, told);
    return again ? [`Event ${told} of ${about} once more`] : [];
  });
}

interface Told {
  readonly regarding: { readonly kind: string; readonly name: string; readonly uid: string };
  readonly reason: string;
  readonly type: string;
}
