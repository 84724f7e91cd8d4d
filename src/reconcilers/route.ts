/** Status of a Route: how it is doing at each parent, and who guards it. */
import type { ParentRefSpec } from '../api/route.ts';
import type { RouteEntry } from '../ir/gateway.ts';
import type { Condition, KubeObject, ObjectKey } from '../kube/object.ts';
import { edgeDecision } from '../policy/planes.ts';
import type { Resolution } from '../resolve/resolve.ts';
import { conditionsFor, type Owned, partConditions, type Verdict } from '../status/conditions.ts';
import type { Finding } from '../status/finding.ts';
import { column, generationOf, shorten } from './columns.ts';
import { servedAt, servedEverywhere } from './served.ts';
import type { StatusWorld } from './world.ts';

type RouteUnit = NonNullable<ReturnType<Resolution['routes']['get']>>;
type ParentReport = RouteUnit['parents'][number];

/** `Public` admits without any constraint. */
export type Auth = 'Blocked' | 'Uncovered' | 'Public' | 'Covered';

/** The worst first: of a Route's rules, that is the one that it shows. */
const worstFirst: readonly Auth[] = ['Blocked', 'Uncovered', 'Public', 'Covered'];

export interface RouteStatus {
  readonly observedGeneration?: number;
  readonly conditions: readonly Condition[];
  readonly hosts?: string;
  readonly gateways?: string;
  readonly auth?: Auth;
  readonly parents: readonly ParentStatus[];
}

interface ParentStatus {
  readonly parentRef: ParentRefSpec;
  readonly conditions: readonly Condition[];
}

export function routeStatus(key: ObjectKey, object: KubeObject, world: StatusWorld): RouteStatus | undefined {
  const unit = world.resolution.routes.get(key);
  if (unit === undefined) return undefined;
  const { generation } = object.metadata;
  const findings = world.findingsOf('Route', key);
  const gateways = [...new Set(unit.placements.map(({ gateway }) => gateway))].toSorted();
  const auth = authOf(unit.placements.flatMap(({ entries }) => entries));
  return {
    ...generationOf(object),
    conditions: conditionsFor(
      {
        Accepted: 'from findings',
        ResolvedRefs: 'from findings',
        Programmed: servedEverywhere(gateways, (resolution) => resolution.routes.get(key), world) ?? notAttached,
      },
      findings,
      generation,
    ),
    ...column('hosts', shorten(unit.hosts)),
    ...column('gateways', shorten(gateways)),
    ...(auth === undefined ? {} : { auth }),
    parents: unit.parents.flatMap((parent) => {
      if (parent.elsewhere) return [];
      const conditions = parentConditions(parent, ofParent(parent, unit, findings), { key, world, generation });
      return { parentRef: parent.parentRef, conditions };
    }),
  };
}

/** Its own problem, and what is wrong at every parent alike. */
function ofParent({ problem }: ParentReport, { parents }: RouteUnit, findings: readonly Finding[]): readonly Finding[] {
  const others = new Set(parents.flatMap((parent) => (parent.problem === undefined ? [] : [nameOf(parent.problem)])));
  const own = problem === undefined ? undefined : nameOf(problem);
  return findings.filter((finding) => nameOf(finding) === own || !others.has(nameOf(finding)));
}

function nameOf({ at, reason }: Finding): string {
  return `${at} ${reason}`;
}

interface Common {
  readonly key: ObjectKey;
  readonly world: StatusWorld;
  readonly generation: number | undefined;
}

/** Where a parent refused the Route, there is nothing for an Envoy to load. */
function parentConditions(
  { gateway, problem }: ParentReport,
  findings: readonly Finding[],
  { key, world, generation }: Common,
): readonly Condition[] {
  const references: Owned = { Accepted: 'from findings', ResolvedRefs: 'from findings' };
  const owned: Owned =
    problem === undefined
      ? { ...references, Programmed: servedAt(gateway, (resolution) => resolution.routes.get(key), world) }
      : references;
  return partConditions(owned, findings, generation);
}

const notAttached: Verdict = { status: 'Unknown', reason: 'Pending', message: 'Not attached to an ApiGateway' };

function authOf(entries: readonly RouteEntry[]): Auth | undefined {
  // A redirect reaches nothing, so it says little of a Route that also has rules that do.
  const reaching = entries.filter(({ rule }) => !rule.needsNoCover);
  const found = new Set((reaching.length > 0 ? reaching : entries).map(authOfEntry));
  return worstFirst.find((auth) => found.has(auth));
}

function authOfEntry({ rule, guard }: RouteEntry): Auth {
  if (rule.blocked !== undefined || guard.kind === 'blocked') return 'Blocked';
  if (!guard.covered) return 'Uncovered';
  // A list of whom to deny opens nothing and guards nothing: everybody else is admitted unasked.
  return edgeDecision(guard.decision).allow.some(({ constraints }) => constraints.length === 0) ? 'Public' : 'Covered';
}
