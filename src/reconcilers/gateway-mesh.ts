/** How an ApiGateway's part in a mesh does: in its column, and in its condition. */
import type { Gateway } from '../ir/gateway.ts';
import type { Mesh, MeshReason, MeshReport, MeshWorkload } from '../ir/mesh.ts';
import type { ObjectKey } from '../kube/object.ts';
import { pointOf } from '../resolve/mesh/settings.ts';
import { cut, linesOf, type Verdict } from '../status/conditions.ts';
import { type Finding, reasons } from '../status/finding.ts';
import { becoming, type Found, inOrder, longestSaid, mostPoints, reasonOf, withRemedies } from './enforcement.ts';
import { reaches } from './mesh.ts';
import type { StatusWorld } from './world.ts';

export interface GatewayMesh {
  /** `Sidecar, mTLS Strict, 3/4 workloads enforced, NotEnrolled`. */
  readonly column: string;
  readonly verdict: Verdict;
}

/** Undefined where it has no part in a mesh. */
export function gatewayMesh(key: ObjectKey, world: StatusWorld): GatewayMesh | undefined {
  const gateway = world.resolution.gateways.get(key);
  if (gateway?.mesh === undefined) return undefined;
  const { mode, mtls, enforcement } = gateway.mesh;
  const isCounting = enforcement === 'Shadow';
  const { all, wrong } = workloadsBehind(gateway, world);
  const verdict = verdictOf({ all, wrong, isCounting, findings: remarksOn(key, world) });
  const done = world.workloads === undefined ? '' : `${all - wrong.length}/`;
  const what = isCounting ? `${all} workloads counted, none enforced (Shadow)` : `${done}${all} workloads enforced`;
  const because = silent.has(verdict.reason) ? [] : [verdict.reason];
  return { column: [mode, `mTLS ${mtls}`, what, ...because].join(', '), verdict };
}

/** The rest of the column says so already. */
const silent: ReadonlySet<string> = new Set(['Full', 'Shadow']);

interface Wrong extends Found {
  readonly workload: ObjectKey;
}

interface Behind {
  /** How many. */
  readonly all: number;
  /** Of these, the worst first. */
  readonly wrong: readonly Wrong[];
}

function workloadsBehind(gateway: Gateway, { resolution, workloads }: StatusWorld): Behind {
  const all = [...resolution.mesh.workloads.values()].filter((workload) => reaches(gateway, workload));
  const reports = reportsIn(resolution.mesh);
  const wrong = all.flatMap((workload) => {
    const own = (reports.get(workload.key) ?? []).map(({ reason, message, remedy }) => ({
      reason: reasonOf(reason),
      said: [message],
      remedy,
    }));
    const [worst] = [...own, ...becomingOf(workload, workloads)].toSorted(inOrder);
    return worst === undefined ? [] : [{ ...worst, workload: workload.key }];
  });
  return { all: all.length, wrong: wrong.toSorted(inOrder) };
}

function becomingOf({ key, settings }: MeshWorkload, states: StatusWorld['workloads']): readonly Found[] {
  return becoming({ workload: key, point: pointOf(settings) }, states);
}

/** Of the whole workload: it is not protected as was asked, whatever the rules. */
const whole: ReadonlySet<MeshReason> = new Set(['NotEnrolled', 'Overridden', 'TooComplex', 'Conflicted']);
const known = new WeakMap<Mesh, ReadonlyMap<ObjectKey, readonly MeshReport[]>>();

function reportsIn(mesh: Mesh): ReadonlyMap<ObjectKey, readonly MeshReport[]> {
  const before = known.get(mesh);
  if (before !== undefined) return before;
  const reports = [...mesh.reports.values()].flatMap((some) => some.filter(({ reason }) => whole.has(reason)));
  const found = Map.groupBy(reports, ({ workload }) => workload);
  known.set(mesh, found);
  return found;
}

function remarksOn(key: ObjectKey, world: StatusWorld): readonly Finding[] {
  return world.findingsOf('ApiGateway', key).filter(({ reason }) => reasons[reason].condition === 'MeshEnforced');
}

interface Standing extends Behind {
  readonly isCounting: boolean;
  readonly findings: readonly Finding[];
}

function verdictOf({ all, wrong, isCounting, findings }: Standing): Verdict {
  const [worst] = wrong;
  const { status, reason } = outcomeOf(worst, isCounting, findings);
  const count = `${all - wrong.length}/${all} workloads are ${isCounting ? 'counted' : 'enforced'}.`;
  const message = [count, ...wrongLines(wrong), ...(isCounting ? [counting] : []), ...linesOf(findings)];
  return { status, reason, message: message.join('\n') };
}

function outcomeOf(
  worst: Wrong | undefined,
  isCounting: boolean,
  [finding]: readonly Finding[],
): Pick<Verdict, 'status' | 'reason'> {
  if (worst !== undefined) return { status: worst.reason === 'Pending' ? 'Unknown' : 'False', reason: worst.reason };
  if (isCounting) return { status: 'False', reason: 'Shadow' };
  return { status: 'True', reason: finding?.reason ?? 'Full' };
}

const counting =
  'spec.mesh.enforcement: what the mesh would refuse is counted, and nothing is refused. Write Enforce once the counts are as they should be.';

/** Istio is missing for all of them. */
function wrongLines(wrong: readonly Wrong[]): readonly string[] {
  const missing = wrong.filter(({ reason }) => reason === 'IstioMissing');
  const others = wrong.filter(({ reason }) => reason !== 'IstioMissing');
  const shown = others.slice(0, mostPoints).map(({ workload, reason, said, remedy }) => ({
    line: `Service ${workload}: ${reason}: ${cut(said.join('; '), longestSaid)}.`,
    remedy,
  }));
  const more = others.length - shown.length;
  const istio = withRemedies(missing.map(({ said, remedy }) => ({ line: `${said.join('; ')}.`, remedy })));
  return [...istio.slice(0, 1), ...withRemedies(shown), ...(more > 0 ? [`… and ${more} more`] : [])];
}
