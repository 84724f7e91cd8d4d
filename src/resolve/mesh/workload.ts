/** One workload, resolved: what it admits, what of each policy that is, and what is wrong with it. */
import { tooLarge } from '../../ir/istio-size.ts';
import type { MeshDecision, MeshReport, MeshWorkload } from '../../ir/mesh.ts';
import type { Finding } from '../../status/finding.ts';
import { conflictsOf } from './conflicts.ts';
import { admitsNobody, decide } from './decide.ts';
import { enrolment, headless } from './enrolment.ts';
import { overriding } from './foreign.ts';
import { ifEnforced, inForce } from './lens.ts';
import { podFacts } from './pods.ts';
import { countedBy, reportsOf, ruleFindings, type Verdict } from './reports.ts';
import { type MeshLook, type Scene, sceneOf } from './scene.ts';
import type { Seed } from './seeds.ts';
import { observable } from './shadow.ts';
import { mistakenFindings } from './taken-for.ts';
import { uncountedAt } from './uncounted.ts';

export interface WorkloadUnit {
  /** Undefined where nothing closes. */
  readonly workload: MeshWorkload | undefined;
  readonly reports: readonly MeshReport[];
  readonly findings: readonly Finding[];
}

const nothing: WorkloadUnit = { workload: undefined, reports: [], findings: [] };

export function resolveWorkload(seed: Seed, look: MeshLook): WorkloadUnit {
  const scene = sceneOf(seed, look);
  if (scene === undefined) return nothing;
  const conflicts = conflictsOf(scene, look);
  if (scene.closed.length === 0) return { ...nothing, reports: uncountedAt(scene), findings: conflicts.findings };
  const verdicts: Verdict[] = [...conflicts.verdicts];
  const decided = conflicts.verdicts.length > 0 ? admitsNobody : decide(scene, inForce);
  const decision = decided === 'too-complex' ? decided : written(decided, scene);
  if (decision === 'too-complex') verdicts.push(tooComplex);
  const foreign = overriding(scene, look);
  const bypassed = headless(scene, look);
  verdicts.push(...enrolment(scene), ...bypassed.verdicts, ...foreign.verdicts, ...shadowed(scene));
  const shadow = shadowOf(scene);
  const uncounted = shadow === 'too-complex';
  const reports = reportsOf(scene, verdicts, uncounted);
  return {
    workload: workloadOf(
      scene,
      decision === 'too-complex' ? admitsNobody : decision,
      uncounted ? undefined : shadow,
      conflicts.yields,
    ),
    reports,
    findings: [
      ...conflicts.findings,
      ...foreign.findings,
      ...bypassed.findings,
      ...verdictFindings(scene, verdicts),
      ...ruleFindings(reports),
      ...(decision === 'too-complex' || conflicts.verdicts.length > 0 ? [] : mistakenFindings(scene)),
    ],
  };
}

function workloadOf(
  scene: Scene,
  decision: MeshDecision,
  shadow: MeshDecision | undefined,
  yields: boolean,
): MeshWorkload {
  const { seed, settings, closed, issuers, pods } = scene;
  const { key, namespace, services, selector } = seed;
  return {
    key,
    namespace,
    services,
    selector,
    // Whose class comes first writes what its callers must present.
    settings: yields ? { ...settings, mtls: 'Unmanaged' } : settings,
    closed,
    issuers,
    decision,
    ...(shadow === undefined ? {} : { shadow }),
    ...(pods.length === 0 ? {} : { serviceAccounts: podFacts(pods).serviceAccounts }),
  };
}

/** What is only counted, beside what is in force. */
function shadowOf(scene: Scene): MeshDecision | 'too-complex' | undefined {
  const counted = hasShadow(scene) ? decide(scene, ifEnforced) : undefined;
  return counted === undefined || counted === 'too-complex'
    ? counted
    : written(observable(counted, scene.issuers), scene);
}

/** Unless no object of Istio could hold it. */
function written(decision: MeshDecision, { issuers }: Scene): MeshDecision | 'too-complex' {
  return tooLarge({ decision, issuers }) ? 'too-complex' : decision;
}

function hasShadow({ doors, ports }: Scene): boolean {
  return (
    doors.some(({ reached: { entry } }) => countedBy(entry.guard).length > 0) ||
    ports.some(({ policies }) => policies.some(({ mode, broken }) => mode === 'Shadow' && broken === undefined))
  );
}

const tooComplex: Verdict = {
  reason: 'TooComplex',
  remedy: 'Let fewer Routes lead to it, or name fewer alternatives in their policies',
  message:
    'the rules of all Routes and policies that concern it come to more than 512 conjunctions, or more than an object of Istio holds, so it admits nobody',
};

function shadowed({ settings }: Scene): readonly Verdict[] {
  if (settings.enforcement !== 'Shadow') return [];
  return [
    {
      reason: 'Shadow',
      message: 'the mesh of its ApiGateway is in enforcement Shadow: what it would refuse is counted',
      remedy: 'Write spec.mesh.enforcement: Enforce at the ApiGateway once the counts are as they should be',
    },
  ];
}

/** Told of the Service; policies have their reports. */
function verdictFindings({ seed }: Scene, verdicts: readonly Verdict[]): readonly Finding[] {
  const about = { kind: 'Service', namespace: seed.namespace, name: seed.services[0] ?? '' };
  return verdicts.flatMap(({ reason, message, remedy }): readonly Finding[] =>
    reason === 'TooComplex' ? [{ about, severity: 'error', reason, at: '', message, remedy }] : [],
  );
}
