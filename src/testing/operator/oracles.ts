/** What must be alike however a run was disturbed, and what must never be. */
import type { WriteRecord } from '../kube-api/log.ts';
import type { OperatorRig } from './rig.ts';

/** Told of what happened, not of what is; and Pods, which are the simulation's. */
const passing = ['Event', 'Lease', 'Pod'];

/** What differs from run to run although nothing differs: numbers of publications, addresses, hashes over uids. */
const masks: readonly (readonly [RegExp, string])[] = [
  [/(\\"version_info\\":\\"[0-9a-f]+)\.\d+/g, '$1'],
  [/"evengate\.dev\/(content|whole)":"[^"]*"/g, '"evengate.dev/$1":"hash"'],
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
