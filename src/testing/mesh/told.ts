/** A Mesh as text: a line a rule, a line a report. */
import type { Mesh, MeshDecision, MeshRule, MeshWorkload } from '../../ir/mesh.ts';
import { attributeKey } from '../../policy/attribute.ts';
import type { Conjunction } from '../../policy/decision.ts';
import { formatPattern } from '../../policy/pattern.ts';

export interface Told {
  readonly closed: string;
  readonly allow: readonly string[];
  readonly deny?: readonly string[];
}

/** By workload. */
export function told({ workloads }: Mesh): Readonly<Record<string, Told>> {
  return Object.fromEntries([...workloads].map(([key, workload]) => [key, toldWorkload(workload)]));
}

function toldWorkload({ closed, decision }: MeshWorkload): Told {
  const ports =
    closed === 'all'
      ? closed
      : closed.map(({ service, port, targets }) => `${service}:${port}→${targets.join('|')}`).join(' ');
  return { closed: ports, ...toldDecision(decision) };
}

export function toldDecision({ allow, deny }: MeshDecision): Omit<Told, 'closed'> {
  return { allow: allow.map(toldRule), ...(deny.length === 0 ? {} : { deny: deny.map(toldRule) }) };
}

function toldRule({ ports, conjunction }: MeshRule): string {
  return `${ports.map(({ service, port }) => `${service}:${port}`).join(' ')} ${toldConjunction(conjunction)}`;
}

/** `method: GET POST & path: not /a*`. */
export function toldConjunction({ constraints }: Conjunction): string {
  const parts = constraints.map(
    ({ attribute, negated, anyOf }) =>
      `${attributeKey(attribute)}:${negated ? ' not' : ''} ${anyOf.map((pattern) => (attribute.kind === 'issuer' ? 'issuer' : formatPattern(pattern))).join(' ')}`,
  );
  return parts.join(' & ');
}

/** `AuthPolicy/orders at shop/orders sidecar: PartlyAtEdge [a b] …`, sorted. */
export function toldReports({ reports }: Mesh): readonly string[] {
  return [...reports.values()]
    .flat()
    .map(
      ({ policy, workload, point, reason, rules, message }) =>
        `${policy.name} at ${workload} (${point}): ${reason}${rules.length === 0 ? '' : ` [${rules.join(' ')}]`}${message === '' ? '' : ` ${message}`}`,
    )
    .toSorted();
}
