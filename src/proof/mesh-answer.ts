/** What the mesh does with a request for a Service: every point on its way, each seeing it as it does. */

import type { EdgeRequest, ProofToken } from './edge.ts';
import { decideInMesh, type EnforcementPoint, type MeshRequest, type MeshVerdict } from './istio.ts';
import type { Destination, ProofWorkload } from './world.ts';

/** As it leaves the caller's proxy. */
export interface MeshCall extends Pick<EdgeRequest, 'method' | 'path' | 'headers'> {
  readonly host: string;
  readonly principal: string | undefined;
  readonly token?: ProofToken;
  readonly directIp: string;
  readonly remoteIp: string;
}

export interface Stage {
  readonly point: EnforcementPoint;
  /** Port that the point sees. */
  readonly port: number;
  readonly verdict: MeshVerdict;
}

/** In order; the last one is who refuses, or lets it in. */
export interface MeshAnswer {
  readonly stages: readonly Stage[];
  readonly last: Stage;
}

export function pointsOf({ meant: { settings } }: ProofWorkload): readonly EnforcementPoint[] {
  if (settings.mode === 'Sidecar') return ['sidecar'];
  return settings.waypoint === undefined ? ['ztunnel'] : ['waypoint', 'ztunnel'];
}

/** One a port of the Pods behind: they may differ where a port has a name. */
export function answersInMesh(destination: Destination, call: MeshCall): readonly MeshAnswer[] {
  return targetsOf(destination).map((target) => answerAt(destination, target, call));
}

/** Of somebody who dials the Pods instead of their waypoint; nothing where there is none. */
export function answersPastWaypoint(destination: Destination, call: MeshCall): readonly MeshAnswer[] {
  const { workload, service } = destination;
  if (workload.meant.settings.waypoint === undefined) return [];
  return targetsOf(destination).map((target) => passed([stageAt('ztunnel', target, { workload, service, call })]));
}

/** The Service's own where nobody knows the Pods': then all ports are closed alike. */
export function targetsOf({ workload, service, port }: Destination): readonly number[] {
  const { closed } = workload.meant;
  const found = closed === 'all' ? undefined : closed.find((one) => one.service === service && one.port === port);
  return found === undefined || found.targets.length === 0 ? [port] : found.targets;
}

function answerAt(destination: Destination, target: number, call: MeshCall): MeshAnswer {
  const { workload, service, port } = destination;
  const { settings, namespace } = workload.meant;
  const { waypoint, trustDomain } = settings;
  const seenAs = { workload, service, call };
  if (settings.mode === 'Sidecar') return passed([stageAt('sidecar', target, seenAs)]);
  if (waypoint === undefined) return passed([stageAt('ztunnel', target, seenAs)]);
  const first = stageAt('waypoint', port, seenAs);
  if (!first.verdict.admitted) return passed([first]);
  const principal = `${trustDomain}/ns/${namespace}/sa/${waypoint.name}`;
  return passed([first, stageAt('ztunnel', target, { workload, service, call: { ...call, principal } })]);
}

function passed(stages: readonly [Stage, ...Stage[]]): MeshAnswer {
  return { stages, last: stages.at(-1) ?? stages[0] };
}

/** Nobody on the way has seen more than identities and ports. */
export function isLayer4({ stages }: MeshAnswer): boolean {
  return stages.every(({ point }) => point === 'ztunnel');
}

interface SeenAs {
  readonly workload: ProofWorkload;
  readonly service: string;
  readonly call: MeshCall;
}

function stageAt(point: EnforcementPoint, port: number, { workload, service, call }: SeenAs): Stage {
  const { namespace, selector, settings } = workload.meant;
  const { principal, token, ...others } = call;
  const { waypoint, trustDomain } = settings;
  const request: MeshRequest = {
    ...others,
    namespace,
    labels: selector,
    services: [service],
    port,
    mesh: { trustDomains: [trustDomain], ...(waypoint === undefined ? {} : { waypoint: waypoint.name }) },
    ...(principal === undefined ? {} : { principal }),
    ...(token === undefined ? {} : { token: token.bad === true ? 'bad' : token }),
  };
  return { point, port, verdict: decideInMesh(workload.objects, point, request) };
}
