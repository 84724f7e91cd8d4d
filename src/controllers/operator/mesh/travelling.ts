/**
 * A workload while a change travels: what an edge's Envoys serve now is admitted on until they have acknowledged what they are
 * to serve, and those that are drained have ended, so that no request of theirs is refused in between. Pure.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Gateway } from '../../../ir/gateway.ts';
import type { MeshRule, MeshWorkload } from '../../../ir/mesh.ts';
import type { RequestAuthentication, Rule, SecurityObject } from '../../../istio/security.ts';
import type { ObjectKey } from '../../../kube/object.ts';
import { normalise } from '../../../policy/decision.ts';
import type { Resolution } from '../../../resolve/resolve.ts';
import { isClosing, isPolicy } from './kept.ts';

/** One edge as it matters to a workload. */
export interface Edge {
  readonly key: ObjectKey;
  /** What its Envoys are to serve. */
  readonly gateway: Gateway;
  /** What every Ready Envoy has acknowledged last; undefined where nothing is known of that. */
  readonly served: Resolution | undefined;
  /** What Envoys may serve beside that, such as drained ones; none where somebody tightened since what it admits there. */
  readonly besides: (workload: ObjectKey) => readonly Resolution[];
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
  const before = edges.flatMap((edge) => stillServed(workload.key, edge));
  const { allow } = workload.decision;
  const served = before.flatMap(({ rules }) => rules);
  const more = served.filter((rule) => !isCovered(rule, allow));
  if (more.length === 0) return workload;
  const issuers = united([...workload.issuers, ...before.flatMap(({ issuers: own }) => own)]);
  const known = new Set([...allow, ...served].map(text));
  // What was written before, where it holds all that is to be: then nothing is written until they have acknowledged.
  const same = before.find(({ all }) => all.every((rule) => known.has(text(rule))) && holds(all, [...allow, ...more]));
  return {
    ...workload,
    decision: { ...workload.decision, allow: same?.all ?? [...allow, ...more] },
    issuers,
  };
}

/** One that nothing names any more, as it was last, as far as these edges still send to it; undefined where none does. */
export function whileLeaving(last: MeshWorkload, edges: readonly Edge[]): MeshWorkload | undefined {
  const still = edges.flatMap((edge) => stillServed(last.key, edge)).filter(({ rules }) => rules.length > 0);
  if (still.length === 0) return undefined;
  const allow = still.flatMap(({ rules }) => rules);
  return { ...last, decision: { ...last.decision, allow }, issuers: united(still.flatMap(({ issuers }) => issuers)) };
}

function united(issuers: MeshWorkload['issuers']): MeshWorkload['issuers'] {
  const byId = new Map(issuers.map((issuer) => [issuer.id, issuer]));
  return [...byId.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1));
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

/**
 * Objects while nobody knows what the Envoys of these edges serve, as after a restart: what is written for them is admitted on,
 * beside what is new. None of an object that admits all that it is to, and is about the same Pods.
 */
export function whileUnknown(
  desired: readonly SecurityObject[],
  stored: readonly SecurityObject[],
  edges: readonly Edge[],
): readonly SecurityObject[] {
  const identities = new Set(edges.flatMap(({ gateway }) => gateway.mesh?.identity ?? []));
  return desired.flatMap((object): readonly SecurityObject[] => {
    const before = stored.find((one) => one.kind === object.kind && one.metadata.name === object.metadata.name);
    if (before?.kind === 'RequestAuthentication') return withTokens(object as RequestAuthentication, before);
    if (before === undefined || !isPolicy(before) || !isClosing(object)) return [object];
    const rules = plain(object.spec?.rules ?? []);
    const there = before.spec?.rules ?? [];
    const more = without(there, rules).flatMap((rule) => forIdentities(rule, identities));
    if (more.length === 0) return [object];
    const isThere =
      without(rules, there).length === 0 && isDeepStrictEqual(before.spec?.selector, object.spec?.selector);
    return isThere ? [] : [{ ...object, spec: { ...object.spec, rules: [...rules, ...more] } }];
  });
}

/** Those of the one, and of the other those of issuers that the one does not know. */
export function withTokens(object: RequestAuthentication, before: RequestAuthentication): readonly SecurityObject[] {
  const [now, was] = [object.spec?.jwtRules ?? [], before.spec?.jwtRules ?? []];
  const more = was.filter(({ issuer }) => !now.some((one) => one.issuer === issuer));
  return [more.length === 0 ? object : { ...object, spec: { ...object.spec, jwtRules: [...now, ...more] } }];
}

/** As it is stored. */
function plain(rules: readonly Rule[]): readonly Rule[] {
  return JSON.parse(JSON.stringify(rules)) as readonly Rule[];
}

function without(rules: readonly Rule[], others: readonly Rule[]): readonly Rule[] {
  return rules.filter((rule) => !others.some((other) => isDeepStrictEqual(other, rule)));
}

/** As far as it is about them. */
export function forIdentities({ from = [], ...rule }: Rule, identities: ReadonlySet<string>): readonly Rule[] {
  const sources = from.flatMap(({ source }) => {
    const principals = (source.principals ?? []).filter((principal) => identities.has(principal));
    return principals.length === 0 ? [] : [{ source: { ...source, principals } }];
  });
  return sources.length === 0 ? [] : [{ from: sources, ...rule }];
}

interface StillServed {
  /** Of this edge alone. */
  readonly rules: readonly MeshRule[];
  readonly issuers: MeshWorkload['issuers'];
  readonly all: readonly MeshRule[];
}

function stillServed(key: ObjectKey, edge: Edge): readonly StillServed[] {
  const { served } = edge;
  const all = [...(served === undefined || hasAcknowledged(edge) ? [] : [served]), ...edge.besides(key)];
  return all.flatMap(({ gateways, mesh }) => {
    const identity = gateways.get(edge.key)?.mesh?.identity;
    const workload = mesh.workloads.get(key);
    if (workload === undefined || identity === undefined) return [];
    const { allow } = workload.decision;
    return [{ rules: allow.filter((rule) => isOf(rule, identity)), issuers: workload.issuers, all: allow }];
  });
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
