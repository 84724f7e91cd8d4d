/** One Route, resolved at every listener that it attaches to: the unit of work when something changes. */
import type { RouteEntry, Rule } from '../ir/gateway.ts';
import type { Guard, Limit } from '../ir/guard.ts';
import { describeRef, type KubeObject, keyOf, type ObjectKey, type ObjectRef } from '../kube/object.ts';
import type { Finding } from '../status/finding.ts';
import { advice } from './advice.ts';
import { type Attachment, attach, type ParentReport } from './attach.ts';
import type { GuardOf } from './guard.ts';
import { joined } from './lists.ts';
import type { Look } from './memo.ts';
import { parseRoute } from './parse.ts';
import { type Behind, policiesBehind } from './policies-behind.ts';
import { policiesOn } from './policies-on.ts';
import { resolveRules } from './rules.ts';
import type { PoliciesOn } from './world.ts';
import { lookupOf, type RouteWorld } from './world.ts';

export interface RouteUnit {
  readonly ref: ObjectRef;
  readonly placements: readonly RoutePlacement[];
  readonly parents: readonly ParentReport[];
  readonly findings: readonly Finding[];
  readonly hosts: readonly string[];
  readonly guards: readonly Guard[];
  /** That its rules send to, each once, whoever serves the Route. */
  readonly services: readonly ObjectKey[];
}

/** The entries of a Route at one listener, under each of its hosts. */
export interface RoutePlacement {
  readonly gateway: ObjectKey;
  readonly chain: string;
  readonly listener: string;
  readonly hosts: readonly string[];
  readonly entries: readonly RouteEntry[];
}

export function resolveRoute(object: KubeObject, recorder: Look<RouteWorld>, guardOf: GuardOf): RouteUnit {
  const lookup = lookupOf(recorder);
  const route = parseRoute(object);
  const gateways = {
    get: (key: ObjectKey) => recorder.get('gateways', key),
    isElsewhere: (key: ObjectKey) => recorder.get('elsewhere', key) !== undefined,
  };
  const { attachments, parents } = attach(route, gateways, lookup);
  const { rules, findings } = resolveRules(route, lookup);
  const names = route.rules.flatMap((rule) => (rule.kind === 'rule' ? rule.spec.name : rule.name) ?? []);
  const policies = policiesOn(route.ref, names, recorder);
  const placed = rules.map((rule) => ({
    rule,
    inner: policies.get(rule.section) ?? nothing,
    behind: policiesBehind(rule.backends, route.ref.namespace, recorder),
  }));
  const guarded = attachments.map((attachment) => placeAt(attachment, placed, guardOf));
  return {
    ref: route.ref,
    placements: guarded.map(({ placement }) => placement),
    parents,
    hosts: [...new Set(attachments.flatMap(({ hosts }) => hosts))].toSorted(),
    services: servicesOf(rules),
    guards: joined(guarded.map(({ placement }) => placement.entries.map(({ guard }) => guard))),
    findings: joined([
      route.findings,
      parents.flatMap(({ problem }) => (problem === undefined ? [] : [problem])),
      findings,
      unique(joined(guarded.map((each) => each.findings))),
    ]),
  };
}

function servicesOf(rules: readonly Rule[]): readonly ObjectKey[] {
  return [
    ...new Set(rules.flatMap(({ backends }) => backends.map(({ namespace, service }) => keyOf(namespace, service)))),
  ];
}

/** One rule may stand on many listeners: what is wrong with it is said once. */
function unique(findings: readonly Finding[]): readonly Finding[] {
  if (findings.length < 2) return findings;
  const identity = ({ about, at, message }: Finding) => `${describeRef(about)} ${at} ${message}`;
  return [...new Map(findings.map((finding) => [identity(finding), finding])).values()];
}

interface Placed {
  readonly placement: RoutePlacement;
  readonly findings: readonly Finding[];
}

/** A rule with the policies on it, and on what is behind it. */
interface PolicedRule {
  readonly rule: Rule;
  readonly inner: PoliciesOn;
  readonly behind: Behind;
}

function placeAt({ gateway, listener, hosts }: Attachment, rules: readonly PolicedRule[], guardOf: GuardOf): Placed {
  const outer = gateway.outer.get(listener.spec.name) ?? nothing;
  const { name, port, protocol } = listener.spec;
  const at = { name, port, protocol };
  const placed = rules.map(({ rule, inner, behind }) => {
    const open = gateway.publicByDefault || rule.needsNoCover;
    const lost = lostPolicy(outer, inner, behind);
    const path = { outer: outer.auth, inner: inner.auth, behind, open };
    const guard: Guard = lost === undefined ? guardOf(path) : { kind: 'blocked', because: lost };
    const limits = limitsFor(outer, inner);
    const entries = rule.matches.map(
      ({ match, index }): RouteEntry => ({
        rule,
        match,
        matchIndex: index,
        guard,
        limits,
        listener: at,
      }),
    );
    return { entries, findings: [...guardFindings(rule, guard), ...advice(rule, guard, gateway)] };
  });
  return {
    placement: {
      gateway: keyOf(gateway.ref.namespace, gateway.ref.name),
      chain: listener.chain,
      listener: name,
      hosts: listener.served ? hosts : [],
      entries: joined(placed.map(({ entries }) => entries)),
    },
    findings: joined(placed.map(({ findings }) => findings)),
  };
}

const noLimits: readonly Limit[] = [];
const nothing: PoliciesOn = { auth: [], limits: [], blocked: undefined };

/** A policy that should guard here, and of which nobody knows what it says. */
function lostPolicy(outer: PoliciesOn, inner: PoliciesOn, behind: Behind): Finding | undefined {
  const blocked = outer.blocked ?? inner.blocked ?? behind.blocked;
  return blocked ?? [...outer.limits, ...inner.limits].find(({ broken }) => broken)?.broken;
}

function limitsFor(outer: PoliciesOn, inner: PoliciesOn): readonly Limit[] {
  if (outer.limits.length + inner.limits.length === 0) return noLimits;
  // A policy may name one target twice: its requests are still counted once.
  const byId = new Map([...outer.limits, ...inner.limits].flatMap(({ limits }) => limits.map((one) => [one.id, one])));
  return [...byId.values()];
}

function guardFindings(rule: Rule, guard: Guard): readonly Finding[] {
  const at = `spec.rules[${rule.index}]`;
  const about = rule.route;
  if (guard.kind === 'blocked') {
    const { because } = guard;
    return [
      {
        about,
        severity: 'error',
        reason: 'PolicyBlocked',
        at,
        message: `rule ${rule.name} answers 500, because ${describeRef(because.about)} cannot be enforced: ${because.message}`,
        remedy: because.remedy,
      },
      ...(because.reason === 'Unsatisfiable' || because.reason === 'TooComplex' ? [because] : []),
    ];
  }
  const uncounted = uncountedFindings(rule, guard.uncounted ?? []);
  if (guard.covered || rule.blocked !== undefined) return uncounted;
  return [
    ...uncounted,
    {
      about,
      severity: 'error',
      reason: 'NotCovered',
      at,
      message: `rule ${rule.name} answers 403 to everyone, because no AuthPolicy covers it and the ApiGateway's defaultAccess is Deny`,
      remedy:
        'Target it with an AuthPolicy that authenticates or allows; authorize: {allow: [{name: anyone}]} makes it public',
    },
  ];
}

/** Each policy tells that it counts nothing somewhere; the Route, where. */
function uncountedFindings(rule: Rule, because: readonly Finding[]): readonly Finding[] {
  const [first] = because;
  if (first === undefined) return [];
  const message = `at rule ${rule.name} nothing of mode Shadow is counted: ${first.message}`;
  return [{ ...first, about: rule.route, severity: 'warning', at: `spec.rules[${rule.index}]`, message }, ...because];
}
