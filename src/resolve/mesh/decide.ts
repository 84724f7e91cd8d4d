/** What a workload asks of its callers: the rules of all doors and all Service policies, united. */
import type { Policy } from '../../ir/guard.ts';
import type { ClosedPort, MeshDecision, MeshRule } from '../../ir/mesh.ts';
import { and, type Conjunction, type Decision, maximumConjunctions } from '../../policy/decision.ts';
import { byRoute, byService, type FromInside, meetAll } from './east-west.ts';
import type { Lens } from './lens.ts';
import { mergeRules, sortPorts } from './merge.ts';
import { type FromEdge, fromEdge } from './north-south.ts';
import type { Door, Scene, ScenePort } from './scene.ts';
import { serviceDecision } from './service-policies.ts';
import { type AtDoor, soundDenies } from './sound-denies.ts';

export const admitsNobody: MeshDecision = { deny: [], allow: [] };

/** Past it not even the work of finding out is done. */
const mostUnmerged = 4 * maximumConjunctions;

export function decide(scene: Scene, lens: Lens): MeshDecision | 'too-complex' {
  const open = scene.ports.filter(({ at }) =>
    scene.closed.some((closed) => closed.service === at.service && closed.port === at.port),
  );
  const rules: Rules = { allow: [], deny: [] };
  const edges: AtDoor[] = [];
  for (const group of alike(open)) {
    if (group.blocked) continue;
    const policies = lens.policies(group.policies);
    const service = serviceRules(policies, scene);
    if (service === 'too-complex') return service;
    add(rules, group.ports, service.own);
    for (const door of scene.doors) {
      const ports = group.ports.filter(({ service: of, port }) => of === door.service && door.ports.includes(port));
      if (ports.length === 0) continue;
      const found = throughDoor({ door, ports, policies, all: service.all }, scene, lens);
      if (found === 'too-complex') return found;
      if (found === undefined) continue;
      add(rules, ports, found.inside);
      edges.push({ door, ports, ...found.edge });
      for (const conjunction of found.edge.allow) rules.allow.push({ ports, conjunction });
    }
    if (rules.allow.length > mostUnmerged || rules.deny.length > mostUnmerged) return 'too-complex';
  }
  const deny = mergeRules([...rules.deny, ...soundDenies(edges)]);
  const allow = mergeRules(rules.allow);
  return Math.max(deny.length, allow.length) > maximumConjunctions ? 'too-complex' : { deny, allow };
}

interface Rules {
  readonly allow: MeshRule[];
  readonly deny: MeshRule[];
}

function add(rules: Rules, ports: readonly ClosedPort[], { allow, deny }: FromInside): void {
  rules.allow.push(...allow.map((conjunction) => ({ ports, conjunction })));
  rules.deny.push(...deny.map((conjunction) => ({ ports, conjunction })));
}

/** Ports with the same policies. */
interface PortGroup {
  readonly ports: readonly ClosedPort[];
  readonly policies: readonly Policy[];
  readonly blocked: boolean;
}

function alike(ports: readonly ScenePort[]): readonly PortGroup[] {
  const key = ({ policies, blocked }: ScenePort) =>
    `${blocked} ${policies
      .map(({ ref }) => `${ref.namespace}/${ref.name}`)
      .toSorted()
      .join(' ')}`;
  return [...Map.groupBy(ports, key).values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    return [{ ports: sortPorts(group.map(({ at }) => at)), policies: first.policies, blocked: first.blocked }];
  });
}

interface ServiceRules {
  /** What they admit and refuse by themselves. */
  readonly own: FromInside;
  /** What all of them admit: whoever is admitted otherwise needs it as well. Undefined without any. */
  readonly all: readonly Conjunction[] | undefined;
}

function serviceRules(policies: readonly Policy[], scene: Scene): ServiceRules | 'too-complex' {
  if (policies.length === 0) return { own: { allow: [], deny: [] }, all: undefined };
  const found = serviceDecision(policies);
  if (found === 'too-complex') return found;
  const { allow, deny } = byService(found.decision, scene.inside);
  return { own: { allow: found.opens ? allow : [], deny }, all: allow };
}

interface Passing {
  readonly door: Door;
  readonly ports: readonly ClosedPort[];
  /** Of the ports' Services. */
  readonly policies: readonly Policy[];
  readonly all: ServiceRules['all'];
}

interface ThroughDoor {
  readonly edge: FromEdge;
  readonly inside: FromInside;
}

function throughDoor(
  { door, policies, all }: Passing,
  scene: Scene,
  lens: Lens,
): ThroughDoor | 'too-complex' | undefined {
  const { reached, identity } = door;
  const { guard, rule } = reached.entry;
  const whole = lens.whole(guard);
  const routes = lens.routes(guard);
  if (rule.blocked !== undefined || whole === undefined || routes === undefined) return undefined;
  if (whole === 'too-complex' || routes === 'too-complex') return 'too-complex';
  const bound = bindAlso(whole, guard, policies);
  if (bound === 'too-complex') return bound;
  const edge = fromEdge(reached, bound, identity, scene.inside);
  const inside = byRoute(reached, routes, scene.inside);
  if (edge === 'too-complex' || inside === 'too-complex') return 'too-complex';
  const allow = all === undefined ? inside.allow : meetAll(inside.allow, all);
  return allow.length > mostUnmerged ? 'too-complex' : { edge, inside: { ...inside, allow } };
}

/** With policies on Services that lead to the same port: the edge asks only those of the Service that it sends to. */
function bindAlso(
  decision: Decision,
  guard: Door['reached']['entry']['guard'],
  policies: readonly Policy[],
): Decision | 'too-complex' {
  if (policies.length === 0 || guard.kind === 'blocked') return decision;
  const asked = new Set([...guard.policies, ...(guard.shadow?.policies ?? [])]);
  const others = policies.filter(({ ref }) => !asked.has(ref));
  return others.length === 0 ? decision : and([decision, ...others.map((policy) => policy.decision)]);
}
