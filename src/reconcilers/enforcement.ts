/** Where the mesh enforces an AuthPolicy: what was found by compiling it, and what has become of the objects since. */
import type { EnforcementPoint, MeshReason, MeshReport } from '../ir/mesh.ts';
import type { ObjectKey } from '../kube/object.ts';
import { cut, refusal, type Verdict } from '../status/conditions.ts';
import { type Finding, reasons } from '../status/finding.ts';
import type { Objections, WorkloadState } from './mesh.ts';
import type { StatusWorld } from './world.ts';

/** One workload at one point. */
export interface Enforcement {
  readonly point: EnforcementPoint;
  readonly workload: ObjectKey;
  readonly reason: Reason;
  /** Sentences without a full stop. */
  readonly said: readonly string[];
  /** What to do about the reason; undefined where `said` has it, or nothing is to be done. */
  readonly remedy?: string | undefined;
}

export interface EnforcementStatus {
  readonly point: EnforcementPoint;
  readonly workload: ObjectKey;
  readonly enforced: boolean;
  readonly reason: string;
  readonly message?: string;
}

/** The worst first: of what a user has to mend, the more fundamental; then what passes by itself; then what is a choice. */
export const enforcementReasons = [
  'MeshConflict',
  'IstioMissing',
  'NotApplied',
  'TooComplex',
  'Overridden',
  'NotEnrolled',
  'NotTranslatable',
  'NotObservable',
  'NormalizationMismatch',
  'Pending',
  'Shadow',
  'PartlyAtEdge',
  'Full',
] as const;
type Reason = (typeof enforcementReasons)[number];

/** For `toSorted`. */
export function inOrder(a: { readonly reason: Reason }, b: { readonly reason: Reason }): number {
  return enforcementReasons.indexOf(a.reason) - enforcementReasons.indexOf(b.reason);
}

/** As many as a status holds. */
export const mostPoints = 16;
export const longestSaid = 1024;

/** What is wrong first, then by workload and point. */
export function enforcementOf(policy: ObjectKey, { resolution, workloads }: StatusWorld): readonly Enforcement[] {
  const reports = resolution.mesh.reports.get(policy) ?? [];
  const places = Map.groupBy(reports, ({ point, workload }) => `${workload} ${point}`);
  return [...places.values()].flatMap((some) => summed(some, workloads)).toSorted(byUrgency);
}

function summed(reports: readonly MeshReport[], states: StatusWorld['workloads']): readonly Enforcement[] {
  const found = reports.flatMap((report) => {
    const reason = reasonOf(report.reason);
    const own = { reason, said: report.message === '' ? [] : [report.message], remedy: report.remedy };
    return [own, ...(reason === 'Pending' ? [] : becoming(report, states))];
  });
  const [worst] = found.toSorted(inOrder);
  const [first] = reports;
  if (worst === undefined || first === undefined) return [];
  // As after a restart: that is no news beside what is wrong.
  const known = found.filter((one) => one === worst || one.said !== unwritten);
  const said = [...new Set([...worst.said, ...known.flatMap((one) => one.said)])];
  const remedies = found.flatMap(({ reason, remedy }) => (reason === worst.reason && remedy ? [remedy] : []));
  const remedy = remedies.length === 0 ? undefined : [...new Set(remedies)].join('. ');
  return [{ point: first.point, workload: first.workload, reason: worst.reason, said, remedy }];
}

export function reasonOf(reason: MeshReason): Reason {
  return reason === 'Conflicted' ? 'MeshConflict' : reason;
}

export interface Found {
  readonly reason: Reason;
  readonly said: readonly string[];
  readonly remedy?: string | undefined;
}

/** What stands between the objects and their being enforced; nothing is known of that where nobody writes them. */
export function becoming(
  { workload, point }: Pick<MeshReport, 'workload' | 'point'>,
  states: StatusWorld['workloads'],
): readonly Found[] {
  if (states === undefined) return [];
  const state = states.get(workload);
  if (state === undefined) return [{ reason: 'Pending', said: unwritten }];
  if (state.kind === 'applied') return objections(state.against, point);
  if (state.kind === 'kept') return [];
  return [{ ...kinds[state.kind], said: [state.message] }];
}

const unwritten: readonly string[] = ['its objects are not written yet'];

const kinds: Readonly<Record<Exclude<WorkloadState['kind'], 'applied' | 'kept'>, Omit<Found, 'said'>>> = {
  waiting: { reason: 'Pending' },
  taken: { reason: 'MeshConflict', remedy: 'Delete or rename that object, or keep whoever changes it from it' },
  refused: { reason: 'NotApplied', remedy: 'Do what the API server asks for; it is tried again' },
  missing: { reason: 'IstioMissing', remedy: 'Install Istio with its CRDs; the operator goes on by itself' },
};

/** A waypoint enforces nothing where ztunnel does not send everybody there. */
function objections(against: Objections | undefined, point: EnforcementPoint): readonly Found[] {
  const found = against?.[point] ?? (point === 'waypoint' ? against?.ztunnel : undefined);
  return found === undefined ? [] : [{ reason: found.reason, said: [found.message] }];
}

function byUrgency(a: Enforcement, b: Enforcement): number {
  const place = ({ workload, point }: Enforcement) => `${workload} ${point}`;
  return inOrder(a, b) || (place(a) < place(b) ? -1 : 1);
}

function isEnforced({ reason }: Enforcement): boolean {
  return reason === 'Full' || reason === 'PartlyAtEdge';
}

export function enforcementStatus(one: Enforcement): EnforcementStatus {
  const { point, workload, reason, said } = one;
  const message = said.length === 0 ? {} : { message: cut(said.join('; '), longestSaid) };
  return { point, workload, enforced: isEnforced(one), reason, ...message };
}

/** Undefined where no mesh has a part in it. */
export function meshVerdict(places: readonly Enforcement[], findings: readonly Finding[]): Verdict | undefined {
  const [worst] = places;
  const found = refusal(findings.filter(({ reason }) => reasons[reason].condition === 'MeshEnforced'));
  if (worst === undefined) return found;
  if (found !== undefined && isEnforced(worst)) return found;
  const lines = withRemedies(places.slice(0, mostPoints).map((place) => ({ ...place, line: lineOf(place) })));
  const more = places.length - lines.length;
  const message = [...lines, ...(more > 0 ? [`… and ${more} more`] : [])].join('\n');
  return { status: statusOf(worst), reason: worst.reason, message };
}

function statusOf(one: Enforcement): Verdict['status'] {
  if (one.reason === 'Pending') return 'Unknown';
  return isEnforced(one) ? 'True' : 'False';
}

/** Each remedy once, after the first that asks for it. */
export function withRemedies(
  all: readonly { readonly line: string; readonly remedy?: string | undefined }[],
): readonly string[] {
  const told = new Set<string>();
  return all.map(({ line, remedy }) => {
    if (remedy === undefined || told.has(remedy)) return line;
    told.add(remedy);
    return `${line} ${remedy}.`;
  });
}

function lineOf({ point, workload, reason, said }: Enforcement): string {
  const what = said.length === 0 ? 'every rule is enforced' : said.join('; ');
  return `${point} of Service ${workload}: ${reason}: ${what}.`;
}
