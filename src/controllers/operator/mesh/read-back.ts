/** What Istio itself says of what was written. Pure. */
import type { EnforcementPoint, MeshWorkload } from '../../../ir/mesh.ts';
import type { AuthorizationPolicy, IstioCondition, SecurityObject } from '../../../istio/security.ts';
import { type Service, waypointBound } from '../../../kube/core.ts';
import { describeRef, keyOf, type ObjectKey, refOf } from '../../../kube/object.ts';
import type { Objection, Objections } from '../../../reconcilers/mesh.ts';
import { istioLabels } from '../../../render/mesh/names.ts';
import { isCounted, isPolicy } from './kept.ts';

export interface ReadBackWorld {
  /** Of the workload. */
  readonly stored: readonly SecurityObject[];
  readonly service: (key: ObjectKey) => Service | undefined;
  /** None of the Pods of a waypoint is ready. */
  readonly isSilent: (waypoint: ObjectKey) => boolean;
}

type Behind = Pick<MeshWorkload, 'namespace' | 'services' | 'closed'> & {
  readonly settings: Pick<MeshWorkload['settings'], 'mode' | 'enforcement' | 'waypoint'>;
};
type Found = readonly [EnforcementPoint, Objection];

/**
 * An objection for each point that refuses a policy, or a part of it, or before which nobody stands; undefined for none.
 * Sidecars say nothing: istiod writes what ztunnel would make of a policy also where there is no ztunnel.
 */
export function against(workload: Behind, world: ReadBackWorld): Objections | undefined {
  if (workload.settings.mode !== 'Ambient') return undefined;
  const found = [...unbound(workload, world), ...refused(world.stored), ...silent(workload, world)];
  // The first of a point counts.
  return found.length === 0 ? undefined : Object.fromEntries(found.toReversed());
}

/** By which each point says whether it took a policy up (istio.io/istio pilot/pkg/model). */
const accepting: readonly (readonly [condition: string, point: EnforcementPoint])[] = [
  ['ZtunnelAccepted', 'ztunnel'],
  ['WaypointAccepted', 'waypoint'],
];

/** Reasons of a policy that nobody reads (pilot/pkg/serviceregistry/ambient/policies.go); others are about what it says. */
const unread: ReadonlySet<string> = new Set(['AncestorNotBound', 'TargetNotFound', 'PartiallyInvalid']);

function refused(stored: readonly SecurityObject[]): readonly Found[] {
  // What is only counted refuses nobody, and ztunnel counts nothing unless it is told to.
  const policies = stored.filter((object): object is AuthorizationPolicy => isPolicy(object) && !isCounted(object));
  return policies.flatMap((policy) =>
    accepting.flatMap(([type, point]): readonly Found[] => {
      const condition = policy.status?.conditions?.find((one) => one.type === type && isCurrent(one, policy));
      return condition === undefined || isTakenUp(condition) ? [] : [[point, refusalOf(policy, point, condition)]];
    }),
  );
}

function refusalOf(policy: AuthorizationPolicy, point: EnforcementPoint, condition: IstioCondition): Objection {
  const { reason = '', message = reason } = condition;
  const what = describeRef(refOf(policy));
  const why = message.replace(/\.$/, '');
  return unread.has(reason)
    ? { reason: 'NotEnrolled', message: `no ${point} reads ${what}: ${why}` }
    : { reason: 'NotTranslatable', message: `${point} does not take up all of ${what}: ${why}` };
}

/** ztunnel's is True also with the reason UnsupportedValue, for a policy of which it enforces a part. */
function isTakenUp({ status, reason = accepted }: IstioCondition): boolean {
  return status === 'True' && reason === accepted;
}

const accepted = 'Accepted';

/** istiod writes the generation as a text. */
function isCurrent({ observedGeneration }: IstioCondition, { metadata }: AuthorizationPolicy): boolean {
  return observedGeneration === undefined || Number(observedGeneration) === metadata.generation;
}

/** Services that do not have the waypoint which alone the Pods admit. */
function unbound({ namespace, services, closed, settings }: Behind, { service }: ReadBackWorld): readonly Found[] {
  const { waypoint, enforcement } = settings;
  if (waypoint === undefined || enforcement === 'Shadow') return [];
  const wanted = keyOf(namespace, waypoint.name);
  const isClosed = (name: string) => closed === 'all' || closed.some((port) => port.service === name);
  return services.filter(isClosed).flatMap((name) => {
    const found = service(keyOf(namespace, name))?.status?.conditions?.find(({ type }) => type === waypointBound);
    const why = whyUnbound(found, waypoint.name, wanted);
    if (why === undefined) return [];
    const message = `Service ${keyOf(namespace, name)} ${why}; until then ztunnel, which admits what comes by waypoint ${wanted} alone, refuses its callers`;
    return [['waypoint', { reason: 'NotEnrolled', message }] as const];
  });
}

/** What is wrong, and what to do; `named` is the wanted one's name alone. */
function whyUnbound(found: IstioCondition | undefined, named: string, wanted: ObjectKey): string | undefined {
  const label = `label it ${istioLabels.useWaypoint}: ${named}`;
  const own = 'spec.mesh.enrolment: Managed of the ApiGateway does so';
  if (found === undefined) return `has no waypoint: ${label} (${own})`;
  const said = (found.message ?? '').replace(/\.$/, '');
  if (found.status === 'True') {
    const [, other = wanted] = /^Successfully attached to waypoint ([^\s/]+\/[^\s/]+?)(?:\. |$)/.exec(said) ?? [];
    return other === wanted
      ? undefined
      : `has waypoint ${other}, and not ${wanted}: ${label}, or name that one in spec.mesh.waypoint`;
  }
  if (found.reason !== 'WaypointIsNotReady') {
    return `may not have its waypoint (${said}): let Gateway ${wanted} take it, by allowedRoutes and the label ${istioLabels.waypointFor}: service`;
  }
  return said.includes(`"${wanted}"`)
    ? `waits for its waypoint (${said}): create Gateway ${wanted} of class istio-waypoint (spec.mesh.waypoint.managed of the ApiGateway does so), and see to its Pods`
    : `asks for another waypoint (${said}): ${label}, or name that one in spec.mesh.waypoint`;
}

/** ztunnel sends everybody there. */
function silent({ namespace, settings: { waypoint } }: Behind, { isSilent }: ReadBackWorld): readonly Found[] {
  if (waypoint === undefined || !isSilent(keyOf(namespace, waypoint.name))) return [];
  const message = `no Pod of waypoint ${keyOf(namespace, waypoint.name)} is ready, so nothing answers there yet, and ztunnel lets nobody pass it by`;
  return [['waypoint', { reason: 'Pending', message }]];
}
