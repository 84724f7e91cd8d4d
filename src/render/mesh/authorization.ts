/** AuthorizationPolicies of one layer: at most one DENY and one ALLOW in force, and one of each that is only counted. */
import type { MeshDecision, MeshRule, MeshWorkload } from '../../ir/mesh.ts';
import {
  type AuthorizationPolicy,
  type AuthorizationPolicySpec,
  dryRunAnnotation,
  type Rule,
  securityVersion,
} from '../../istio/security.ts';
import type { Labels } from '../../kube/pods.ts';
import { objectName, type Role } from './names.ts';
import { formatOrigins, noOrigin, originOf, originsAnnotation } from './origins.ts';
import { ruleOf } from './rule.ts';
import { closedPorts, portsSeen, scopeOf, type View } from './view.ts';

export interface Layer {
  readonly view: View;
  readonly workload: MeshWorkload;
  readonly className: string;
  readonly labels: Labels;
}

/** DENY before ALLOW: what it refuses is not admitted for a moment. */
export function authorization(layer: Layer): readonly AuthorizationPolicy[] {
  const { decision, shadow, settings } = layer.workload;
  // One pair alone is counted at a time: Istio would OR a second ALLOW.
  if (settings.enforcement === 'Shadow') return pair(layer, decision, true);
  return [...pair(layer, decision, false), ...(shadow === undefined ? [] : pair(layer, shadow, true))];
}

/** Of what a waypoint has judged, ztunnel admits no other sender: whoever dials a Pod would pass it by. */
export function viaWaypoint(layer: Layer, waypoint: string): AuthorizationPolicy {
  const { settings, namespace } = layer.workload;
  const principals = [`${settings.trustDomain}/ns/${namespace}/sa/${waypoint}`];
  const closed = closedPorts(layer.view, layer.workload);
  const operation = closed === 'all' ? everyPort : { ports: closed.map(String) };
  const rule = { from: [{ source: { principals } }], to: [{ operation }] };
  return policy(layer, 'ALLOW', { rules: [{ rule, origin: noOrigin }], counted: settings.enforcement === 'Shadow' });
}

interface NamedRule {
  readonly rule: Rule;
  readonly origin: string;
}

interface Written {
  readonly rules: readonly NamedRule[];
  readonly counted: boolean;
}

function pair(layer: Layer, { deny, allow }: MeshDecision, counted: boolean): readonly AuthorizationPolicy[] {
  const denying = rulesOf(layer, deny, 'DENY');
  return [
    // Istio refuses a DENY without rules.
    ...(denying.length === 0 ? [] : [policy(layer, 'DENY', { rules: denying, counted })]),
    policy(layer, 'ALLOW', { rules: rulesOf(layer, allow, 'ALLOW'), counted }),
  ];
}

function policy(layer: Layer, action: 'ALLOW' | 'DENY', written: Written): AuthorizationPolicy {
  const { view, workload, className, labels } = layer;
  const closed = closedPorts(view, workload);
  const open = action === 'DENY' || closed === 'all' ? [] : [otherPorts(closed)];
  const all = [...written.rules, ...open];
  const spec: AuthorizationPolicySpec = {
    ...scopeOf(view, workload),
    action,
    // None at all admits nobody.
    ...(all.length === 0 ? {} : { rules: all.map(({ rule }) => rule) }),
  };
  const origins = formatOrigins(all.map(({ origin }) => origin));
  const annotations = {
    ...(written.counted && { [dryRunAnnotation]: 'true' }),
    ...(origins !== '' && { [originsAnnotation]: origins }),
  };
  const name = objectName(className, view.service, roleOf(view, action, written.counted));
  return {
    apiVersion: securityVersion,
    kind: 'AuthorizationPolicy',
    metadata: { name, namespace: workload.namespace, labels, annotations },
    spec,
  };
}

function roleOf({ point }: View, action: 'ALLOW' | 'DENY', counted: boolean): Role {
  const end = action === 'ALLOW' ? 'allow' : 'deny';
  const verb = counted ? (`shadow-${end}` as const) : end;
  return point === 'sidecar' ? verb : `${point}-${verb}`;
}

/** Only the closed ports close: metrics, peers and probes go on. */
function otherPorts(closed: readonly number[]): NamedRule {
  return { rule: { to: [{ operation: { notPorts: closed.map(String) } }] }, origin: noOrigin };
}

/** To ztunnel a rule without fields matches nothing, where to Envoy it matches everything. */
const everyPort = { notPorts: ['0'] };

function rulesOf(
  { view, workload }: Layer,
  rules: readonly MeshRule[],
  action: 'ALLOW' | 'DENY',
): readonly NamedRule[] {
  return rules.flatMap(({ ports, conjunction }) => {
    const closed = closedPorts(view, workload);
    const seen = ports.length > 0 ? portsSeen(view, ports) : closed === 'all' ? [] : closed;
    // About another Service's ports, or about one whose number nobody knows: there all ports are closed, and none admits.
    if (ports.length > 0 && seen.length === 0) return [];
    const { point } = view;
    const rule = ruleOf(conjunction.constraints, { ports: seen, issuers: workload.issuers, action, point });
    const said = rule.from === undefined && rule.to === undefined && rule.when === undefined ? everything : rule;
    return [{ rule: said, origin: originOf(conjunction.sources) }];
  });
}

const everything: Rule = { to: [{ operation: everyPort }] };
