/** A witness as somebody can send it. */

import type { WitnessRequest } from './difference.ts';
import type { EdgeRequest, ProofToken } from './edge.ts';
import type { MeshCall } from './mesh-answer.ts';
import { type Draft, somewhere } from './regions/space.ts';
import type { Destination } from './world.ts';

/** A cell's request with one choice of each dimension. */
export function requestOf(base: EdgeRequest, draft: Draft, hops: number): EdgeRequest {
  const token = tokenOf(draft);
  return {
    ...base,
    path: draft.query.length === 0 ? base.path : `${base.path}?${draft.query.join('&')}`,
    headers: draft.headers,
    directIp: draft.direct,
    remoteIp: hops === 0 ? draft.direct : draft.remote,
    ...(token === undefined ? {} : { token }),
    ...(draft.certificate === undefined ? {} : { certificate: draft.certificate }),
  };
}

export function tokenOf({ token }: Draft): ProofToken | undefined {
  if (token === undefined) return undefined;
  const { issuer, claims, jwks, bad } = token;
  return { issuer, claims, ...(jwks === undefined ? {} : { jwks }), ...(bad ? { bad } : {}) };
}

export function asWitness(request: EdgeRequest, hops: number): WitnessRequest {
  const { scheme, authority, port, path, method, headers, token, directIp, remoteIp, certificate } = request;
  const usual = scheme === 'https' ? 443 : 80;
  const host = /:\d+$/.test(authority) || port === usual ? authority : `${authority}:${port}`;
  const lines = [...headers].flatMap(([name, values]) => values.map((value) => [name, value] as const));
  const client = hops === 0 || remoteIp === directIp ? [] : [['x-forwarded-for', remoteIp] as const];
  return {
    url: `${scheme}://${host}${path}`,
    method,
    headers: [...lines, ...client],
    ...(token === undefined ? {} : { token }),
    ...(directIp === somewhere ? {} : { clientAddress: directIp }),
    ...(certificate === undefined ? {} : { certificate }),
  };
}

export function callOf(base: MeshCall, draft: Draft): MeshCall {
  const token = tokenOf(draft);
  return {
    ...base,
    headers: draft.headers,
    principal: draft.principal,
    ...(token === undefined ? {} : { token }),
  };
}

export function callAsWitness(call: MeshCall, { workload, service, port }: Destination): WitnessRequest {
  const { method, path, headers, token, principal, host } = call;
  const dialled = `${service}.${workload.meant.namespace}`;
  const named = host === dialled || host === `${dialled}:${port}` ? [] : [['host', host] as const];
  const lines = [...headers].flatMap(([name, values]) => values.map((value) => [name, value] as const));
  return {
    url: `http://${dialled}${port === 80 ? '' : `:${port}`}${path}`,
    method,
    headers: [...named, ...lines],
    ...(token === undefined ? {} : { token }),
    ...(principal === undefined ? {} : { principal }),
  };
}
