/**
 * A workload while a change travels: what an edge's Envoys serve now is admitted on until they have acknowledged what they are
 * to serve, so that no request of theirs is refused in between. Pure.
 */
import type { Gateway } from '../../../ir/gateway.ts';
import type { MeshRule, MeshWorkload } from '../../../ir/mesh.ts';
import type { ObjectKey } from '../../../kube/object.ts';
import { normalise } from '../../../policy/decision.ts';
import type { Resolution } from '../../../resolve/resolve.ts';

/** One edge as it matters to a workload. */
export interface Edge {
  readonly key: ObjectKey;
  /** What its Envoys are to serve. */
  readonly gateway: Gateway;
  /** What every Ready Envoy has acknowledged last; undefined where nothing is known of that. */
  readonly served: Resolution | undefined;
}

export function hasAcknowledged({ key, gateway, served }: Edge): boolean {
  return served?.gateways.get(key) === gateway;
}

/** Its Envoys serve as the identity that the mesh is to admit. */
export function hasIdentity({ key, gateway, served }: Edge): boolean {
  const before = served?.gateways.get(key)?.mesh;
  return before !== undefined && before.identity === gateway.mesh?.identity && before.mode === gateway.mesh.mode;
}

/** The same object where nothing travels. */
export function whileTravelling(workload: MeshWorkload, edges: readonly Edge[]): MeshWorkload {
  const before = edges.filter((edge) => !hasAcknowledged(edge)).flatMap((edge) => stillServed(workload.key, edge));
  const { allow } = workload.decision;
  const served = before.flatMap(({ rules }) => rules);
  const more = served.filter((rule) => !isCovered(rule, allow));
  if (more.length === 0) return workload;
  const issuers = [...workload.issuers, ...before.flatMap(({ issuers: own }) => own)];
  const byId = new Map(issuers.map((issuer) => [issuer.id, issuer]));
  const known = new Set([...allow, ...served].map(text));
  // What was written before, where it holds all that is to be: then nothing is written until they have acknowledged.
  const same = before.find(({ all }) => all.every((rule) => known.has(text(rule))) && holds(all, [...allow, ...more]));
  return {
    ...workload,
    decision: { ...workload.decision, allow: same?.all ?? [...allow, ...more] },
    issuers: [...byId.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1)),
  };
}

function holds(rules: readonly MeshRule[], others: readonly MeshRule[]): boolean {
  return others.every((rule) => isCovered(rule, rules));
}

function isCovered(rule: MeshRule, by: readonly MeshRule[]): boolean {
  return by.some((other) => text(other) === text(rule)) || by.some((other) => covers(other, rule));
}

function covers(wide: MeshRule, narrow: MeshRule): boolean {
  if (JSON.stringify(wide.ports) !== JSON.stringify(narrow.ports)) return false;
  const [only, ...more] = normalise([wide.conjunction, narrow.conjunction]);
  return only !== undefined && more.length === 0 && text({ ...wide, conjunction: only }) === text(wide);
}

interface StillServed {
  /** Of this edge alone. */
  readonly rules: readonly MeshRule[];
  readonly issuers: MeshWorkload['issuers'];
  readonly all: readonly MeshRule[];
}

function stillServed(key: ObjectKey, { key: edge, served }: Edge): readonly StillServed[] {
  const identity = served?.gateways.get(edge)?.mesh?.identity;
  const workload = served?.mesh.workloads.get(key);
  if (workload === undefined || identity === undefined) return [];
  const { allow } = workload.decision;
  return [{ rules: allow.filter((rule) => isOf(rule, identity)), issuers: workload.issuers, all: allow }];
}

/** Whether it admits this identity by its name: a rule for requests that come through the edge. */
function isOf({ conjunction }: MeshRule, identity: string): boolean {
  return conjunction.constraints.some(
    ({ attribute, negated, anyOf }) =>
      attribute.kind === 'principal' &&
      !negated &&
      anyOf.some((pattern) => pattern.kind === 'exact' && pattern.value === identity),
  );
}

const texts = new WeakMap<MeshRule, string>();

/** Who wrote it makes no difference. */
function text(rule: MeshRule): string {
  const known = texts.get(rule) ?? JSON.stringify([rule.ports, rule.conjunction.constraints]);
  texts.set(rule, known);
  return known;
}
