/** What came of all workloads, kept up to date change by change. */
import type { Mesh, MeshReport } from '../../ir/mesh.ts';
import { keyOf, type ObjectKey } from '../../kube/object.ts';
import { isEqual } from '../equal.ts';
import { distinct, findingsOf } from '../findings.ts';
import { type Change, type Results, rememberLast } from '../memo.ts';
import { replaced } from '../patched.ts';
import type { Unselectable } from './unselectable.ts';
import type { WorkloadUnit } from './workload.ts';

type Units = Pick<Results<WorkloadUnit>, 'all' | 'changes'>;
type Workloads = Mesh['workloads'];
type Reports = Mesh['reports'];

/** Of workloads in order of their keys. It must be told of every change, once. What says the same is the same object. */
export function outcome(): (units: Units, unselected: Unselectable) => Mesh {
  const findingsIn = findingsOf();
  let [workloads, reports]: [Workloads, Reports] = [new Map(), new Map()];
  const whole = rememberLast(
    (...[workloads, reports, findings, unselected]: readonly [Workloads, Reports, Mesh['findings'], Unselectable]) => ({
      workloads,
      reports: withReports(reports, unselected.reports),
      findings: unselected.findings.length === 0 ? findings : distinct([...findings, ...unselected.findings]),
    }),
  );
  return (units, unselected) => {
    workloads = nextWorkloads(workloads, units);
    reports = nextReports(reports, units.changes);
    return whole(workloads, reports, findingsIn(units), unselected);
  };
}

function nextWorkloads(before: Workloads, { all, changes }: Units): Workloads {
  const next = new Map(
    changes.flatMap(({ key, after }) => {
      const [old, workload] = [before.get(key), after?.workload];
      const same = old === workload || (old !== undefined && workload !== undefined && isEqual(old, workload));
      return same ? [] : [[key, workload] as const];
    }),
  );
  if (next.size === 0) return before;
  if ([...next].every(([key, workload]) => workload !== undefined && before.has(key))) return replaced(before, next);
  return new Map(
    [...all.keys()].flatMap((key) => {
      const workload = next.has(key) ? next.get(key) : before.get(key);
      return workload === undefined ? [] : [[key, workload] as const];
    }),
  );
}

/** Of each policy in order of the workloads. */
function nextReports(before: Reports, changes: readonly Change<WorkloadUnit>[]): Reports {
  const come = Map.groupBy(
    changes.flatMap(({ after }) => after?.reports ?? []),
    policyKey,
  );
  const gone = changes.flatMap((change) => change.before?.reports ?? []);
  const stale = new Set(changes.map(({ key }) => key));
  const concerned = [...new Set([...gone.map(policyKey), ...come.keys()])];
  const lists = concerned.map((policy) => {
    const staying = (before.get(policy) ?? []).filter(({ workload }) => !stale.has(workload));
    const list = [...staying, ...(come.get(policy) ?? [])].toSorted(byWorkload);
    return [policy, list.length === 0 ? undefined : list] as const;
  });
  return lists.length === 0 ? before : replaced(before, new Map(lists));
}

function byWorkload(a: MeshReport, b: MeshReport): number {
  return a.workload === b.workload ? 0 : a.workload < b.workload ? -1 : 1;
}

function withReports(before: Reports, more: readonly MeshReport[]): Reports {
  const come = Map.groupBy(more, policyKey);
  return come.size === 0
    ? before
    : replaced(before, new Map([...come].map(([policy, list]) => [policy, [...(before.get(policy) ?? []), ...list]])));
}

function policyKey({ policy }: MeshReport): ObjectKey {
  return keyOf(policy.namespace, policy.name);
}
