/** A request through an edge, held against the same request as the mesh gets it from there. */

import { type Arrival, type Coming, couldCome } from './could-come.ts';
import { limitBy, policiesOn, reportOn, rulesIn } from './declared.ts';
import {
  type Comparison,
  type Difference,
  describeVerdict,
  type Limit,
  leftToTheEdge,
  limitOf,
  missingCredential,
  type Side,
  tokenOfTheGateway,
} from './difference.ts';
import { listsOf } from './edge/table.ts';
import { answerAtEdge, type EdgeAnswer, type EdgeRequest, type Forwarded } from './edge.ts';
import { leftToEdge, leftToEdgeAtLayer4 } from './left-to-edge.ts';
import { answersInMesh, isLayer4, type MeshAnswer, type MeshCall } from './mesh-answer.ts';
import { asWitness } from './witness.ts';
import type { Destination, ProofGateway, ProofWorld } from './world.ts';

export interface Met {
  readonly gateway: ProofGateway;
  readonly world: ProofWorld;
  readonly request: EdgeRequest;
}

/** Nothing where edge and mesh say the same of each share, or where nobody behind is in the mesh. */
export function throughEdge(met: Met): readonly Difference[] {
  const { gateway, world, request } = met;
  const open = answerAtEdge(gateway.edge, request, { unguarded: true });
  if (open.kind !== 'forwarded' || gateway.identity === undefined) return [];
  const answer = answerAtEdge(gateway.edge, request);
  // What is wrong with the request itself is nobody's policy.
  if (answer.kind === 'refused' && answer.status === 400) return [];
  return open.to.flatMap((share) => {
    const destination = world.destinations.get(share.cluster);
    if (destination === undefined || share.weight === 0) return [];
    const call = callOf(share, request, gateway.identity ?? '');
    return answersInMesh(destination, call).flatMap((found) => compared({ ...met, answer, share, destination, found }));
  });
}

export function callOf(share: Forwarded, request: EdgeRequest, principal: string): MeshCall {
  const { method, host, path, headers, token } = share;
  return {
    method,
    host,
    path,
    headers,
    principal,
    // Of the edge's Pod; nothing that is rendered asks for it.
    directIp: '10.0.0.1',
    remoteIp: request.remoteIp,
    ...(token === undefined ? {} : { token }),
  };
}

interface Compared extends Met {
  readonly answer: EdgeAnswer;
  readonly share: Forwarded;
  readonly destination: Destination;
  readonly found: MeshAnswer;
}

function compared({ gateway, world, request, answer, share, destination, found }: Compared): readonly Difference[] {
  const left = edgeSide(answer);
  const right = meshSide(found);
  // ztunnel closes connections; there is no answer to tell apart.
  const same =
    left.admitted === right.admitted &&
    (left.admitted || left.status === right.status || found.last.point === 'ztunnel');
  if (same) return [];
  const { workload } = destination;
  const limit = () => {
    const unknown = isUnknownThere(destination, request);
    if (!left.admitted && !right.admitted) {
      if (request.token === undefined) return missingCredential;
      return unknown && left.status === 401 ? tokenOfTheGateway : undefined;
    }
    const declared = limitOf(workload, 'forwarded', right.admitted);
    if (!right.admitted || declared !== undefined) return declared;
    const coming = { gateway, world, destination, share };
    if (isLayer4(found)) return leftToEdgeAtLayer4(coming);
    const arrival = couldCome(coming);
    if (arrival !== undefined) return takenFor(arrival, answer, coming);
    return leftToEdge(coming) ?? (unknown ? leftWithoutToken(coming) : undefined);
  };
  const why = limit();
  const difference: Difference = {
    workload: workload.key,
    comparison: 'forwarded' satisfies Comparison,
    request: asWitness(request, gateway.hops),
    left,
    right,
    point: found.last.point,
  };
  return [why === undefined ? difference : { ...difference, limit: why }];
}

/** To a workload without issuers a token is a header as any other. */
export function isUnknownThere({ workload }: Destination, { token }: Pick<EdgeRequest, 'token'>): boolean {
  return token !== undefined && workload.meant.issuers.length === 0;
}

/** Without its token the edge would send it on. */
export function leftWithoutToken(coming: Coming): Limit | undefined {
  const { token: _, ...share } = coming.share;
  const bare = { ...coming, share };
  return couldCome(bare) === undefined && leftToEdge(bare) === undefined ? undefined : tokenOfTheGateway;
}

/** Behind the edge it looks as another one that the edge sends on: the report is of that rule, or of the one that refused. */
function takenFor({ route, by }: Arrival, answer: EdgeAnswer, { gateway, destination }: Coming): Limit | undefined {
  const { workload } = destination;
  const refusing = answer.kind === 'refused' ? answer : undefined;
  const before = [...gateway.edge.tables.values()]
    .flatMap(({ virtual_hosts }) => virtual_hosts.flatMap((host) => listsOf(host).flat()))
    .find(({ name }) => name === refusing?.route);
  const denied = rulesIn(refusing?.by ?? '');
  const policies = [route, ...(before === undefined ? [] : [before])].map(policiesOn);
  const report =
    reportOn(workload, denied.policies ?? [], denied.rules) ??
    reportOn(workload, policiesOn(route), rulesIn(by ?? '').rules) ??
    reportOn(workload, policies.flat(), []);
  if (report !== undefined) return limitBy(report);
  return policies.flat().length === 0 ? leftToTheEdge : undefined;
}

export function edgeSide(answer: EdgeAnswer): Side {
  if (answer.kind === 'forwarded')
    return { name: 'edge', admitted: true, status: 200, because: `forwarded by ${answer.route}` };
  if (answer.kind !== 'refused') return { name: 'edge', admitted: false, status: 403, because: answer.kind };
  const status = answer.status === 401 ? 401 : 403;
  const because =
    answer.by === 'no rule'
      ? `no rule of the policies on ${answer.route} allows it`
      : `refused by ${answer.by} on ${answer.route}`;
  return { name: 'edge', admitted: false, status, because };
}

export function meshSide({ last: { point, verdict } }: MeshAnswer): Side {
  const { admitted, status } = verdict;
  return { name: point, admitted, status, because: describeVerdict(verdict) };
}
