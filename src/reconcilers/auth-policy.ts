/** Status of an AuthPolicy: what it is about, and whether the edge enforces it. */
import type { Policy } from '../ir/guard.ts';
import type { Condition, KubeObject, ObjectKey } from '../kube/object.ts';
import { type Conjunction, type Decision, namesIdentity } from '../policy/decision.ts';
import { type AuthUnit, targetText } from '../resolve/policy-unit.ts';
import { conditionsFor, refusal, type Verdict } from '../status/conditions.ts';
import { type Finding, reasons } from '../status/finding.ts';
import { column, generationOf, shorten } from './columns.ts';
import { type EnforcementStatus, enforcementOf, enforcementStatus, meshVerdict, mostPoints } from './enforcement.ts';
import { gatewaysOf, servedEverywhere } from './served.ts';
import type { StatusWorld } from './world.ts';

export interface AuthPolicyStatus {
  readonly observedGeneration?: number;
  readonly conditions: readonly Condition[];
  readonly target?: string;
  readonly rules: number;
  /** Where the mesh enforces it, what is wrong first. */
  readonly enforcement?: readonly EnforcementStatus[];
}

export function authPolicyStatus(key: ObjectKey, object: KubeObject, world: StatusWorld): AuthPolicyStatus | undefined {
  const unit = world.resolution.authPolicies.get(key);
  if (unit === undefined) return undefined;
  const findings = world.findingsOf('AuthPolicy', key);
  const rules = unit.policy.broken === undefined ? rulesOf(object.spec) : 0;
  const atEdge = findings.filter(({ reason }) => reasons[reason].condition !== 'MeshEnforced');
  const points = enforcementOf(key, world);
  const inside = meshVerdict(points, findings);
  return {
    ...generationOf(object),
    conditions: conditionsFor(
      {
        Accepted: 'from findings',
        EdgeEnforced: enforcement(unit.policy, rules, { findings: atEdge, waiting: waiting(key, unit, world) }),
        ...(inside && { MeshEnforced: inside }),
      },
      findings,
      object.metadata.generation,
    ),
    ...column('target', targetText(unit.targets)),
    rules,
    ...(points.length > 0 && { enforcement: points.slice(0, mostPoints).map(enforcementStatus) }),
  };
}

interface Enforcing {
  readonly findings: readonly Finding[];
  readonly waiting: Verdict | undefined;
}

function enforcement({ mode, decision }: Policy, rules: number, { findings, waiting }: Enforcing): Verdict {
  const refused = refusal(findings);
  if (refused !== undefined) return refused;
  if (waiting !== undefined) return waiting;
  if (mode === 'Shadow') {
    return { status: 'False', reason: 'Shadow', message: 'What would be refused is counted, and nothing is refused.' };
  }
  return { status: 'True', reason: 'Full', message: edgeWords(decision, rules) };
}

/** Rules about callers inside the mesh are no business of the edge: they admit and refuse nobody there. */
function edgeWords({ deny, allow }: Decision, rules: number): string {
  const all = [...deny, ...allow];
  const namesOf = (conjunctions: readonly Conjunction[]) =>
    new Set(conjunctions.flatMap(({ sources }) => sources.map(({ rule }) => rule)));
  const outside = namesOf(all.filter((one) => !namesIdentity(one)));
  const inside = [...namesOf(all)].filter((name) => !outside.has(name)).toSorted();
  if (inside.length === 0) return `All rules (${rules}) are enforced at the edge.`;
  const others = rules === inside.length ? '' : `The other rules (${rules - inside.length}) are enforced at the edge. `;
  return `${others}Callers inside the mesh do not come by the edge, so it has nothing to do with ${shorten(inside)}.`;
}

/** Why the edge does not enforce it yet. */
function waiting(key: ObjectKey, { attached }: AuthUnit, world: StatusWorld): Verdict | undefined {
  if (world.served === undefined) return undefined;
  const gateways = gatewaysOf(attached, world.resolution);
  const verdict = servedEverywhere(gateways, (resolution) => resolution.authPolicies.get(key), world);
  return verdict?.status === 'True' ? undefined : verdict;
}

/** Rules as written; one that only authenticates has the rule that everyone authenticated passes. */
function rulesOf(spec: unknown): number {
  const authorize = fieldOf(spec, 'authorize');
  const written = lengthOf(fieldOf(authorize, 'allow')) + lengthOf(fieldOf(authorize, 'deny'));
  const implied = fieldOf(authorize, 'allow') === undefined && fieldOf(spec, 'authenticate') !== undefined ? 1 : 0;
  return written + implied;
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}

function lengthOf(value: unknown): number {
  return Array.isArray(value) ? value.length : 0;
}
