/** What a proof finds. */

import type { MeshReason, MeshReport } from '../ir/mesh.ts';
import { describeRef, type ObjectKey } from '../kube/object.ts';
import type { ProofToken } from './edge.ts';
import type { EnforcementPoint, MeshVerdict } from './istio.ts';
import type { ProofWorkload } from './world.ts';

/** Which two are held against each other. */
export type Comparison =
  /** A request through an edge, and the same as the edge forwards it. */
  | 'forwarded'
  /** A request of somebody with an edge's identity, and whether the edge would have sent it. */
  | 'as-the-edge'
  /** A caller inside the mesh, and what the policies mean. */
  | 'caller';

/** One request, whoever sends it. */
export interface WitnessRequest {
  /** `http://host:port/path?query` */
  readonly url: string;
  readonly method: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly token?: ProofToken;
  /** Identity of the caller inside the mesh. */
  readonly principal?: string;
  /** Where it comes from, if that matters. */
  readonly clientAddress?: string;
  /** Subject alternative names of the client's certificate. */
  readonly certificate?: readonly string[];
}

export interface Side {
  /** `edge`, `sidecar`, …; `policies` for what they mean. */
  readonly name: string;
  readonly admitted: boolean;
  readonly status: 200 | 401 | 403;
  /** Which rule says so. */
  readonly because: string;
}

export interface Difference {
  readonly workload: ObjectKey;
  readonly comparison: Comparison;
  readonly request: WitnessRequest;
  readonly left: Side;
  readonly right: Side;
  readonly point: EnforcementPoint;
  /** Why this is as it has to be; undefined where it is a fault. */
  readonly limit?: Limit;
}

export interface Limit {
  readonly reason: MeshReason | 'MissingCredential';
  readonly message: string;
}

export const missingCredential: Limit = {
  reason: 'MissingCredential',
  message: 'Without any credential the edge answers 401, and Istio 403',
};

/** Of a workload whose policies know no tokens (ADR 15). */
export const tokenOfTheGateway: Limit = {
  reason: 'PartlyAtEdge',
  message:
    'No policy before the workload knows a token, so that one of an issuer of the gateway which does not verify is refused by the edge alone',
};

/** Of Routes, whether a policy is on them or not. */
export const leftToTheEdge: Limit = {
  reason: 'PartlyAtEdge',
  message:
    'Hosts with a wildcard and regular expressions of Routes are asked at the edge alone: Istio has no words for them',
};

/** Where it admits nobody. */
const shut: readonly MeshReason[] = ['TooComplex', 'Conflicted'];
/** Whom it may refuse though a policy names them. */
const narrower: readonly MeshReason[] = [...shut, 'NotObservable', 'NotTranslatable', 'NormalizationMismatch'];

/**
 * Of a workload that was reported to be so: what it `admits`, or refuses, that others say otherwise. What it admits because its
 * edge has asked before is `left-to-edge.ts`'s to say.
 */
export function limitOf(workload: ProofWorkload, comparison: Comparison, admits: boolean): Limit | undefined {
  if (admits && workload.meant.settings.enforcement === 'Shadow') return onlyCounting;
  const outside = comparison !== 'caller';
  const reasons = admits ? [] : outside ? shut : narrower;
  const found = workload.reports.find(({ reason }) => reasons.includes(reason));
  return found === undefined ? undefined : { reason: found.reason, message: sentenceOf(found) };
}

const onlyCounting: Limit = { reason: 'Shadow', message: 'spec.mesh.enforcement is Shadow: the mesh only counts' };

function sentenceOf({ policy, message }: MeshReport): string {
  return `${describeRef(policy)}: ${message}`;
}

export function describeVerdict({ because, by }: MeshVerdict): string {
  const which =
    by === undefined ? '' : ` by rule ${by.rule} of ${by.policy.kind} ${by.policy.namespace}/${by.policy.name}`;
  switch (because) {
    case 'allowed':
      return `allowed${which}`;
    case 'unprotected':
      return 'no policy is about the workload';
    case 'denied':
      return `denied${which}`;
    case 'not-allowed':
      return 'no rule allows it';
    case 'bad-token':
      return `the token is refused${which}`;
    case 'wrong-audience':
      return `the token is for another audience${which}`;
    case 'plaintext':
      return 'plaintext is refused';
    case 'several-authorizers':
      return 'several external authorizers would be asked';
  }
}
