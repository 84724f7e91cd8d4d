/** What a proof finds. */

import type { MeshReason, MeshReport } from '../ir/mesh.ts';
import type { ObjectKey } from '../kube/object.ts';
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

/** What the mesh may admit that others refuse. */
const wider: readonly MeshReason[] = ['PartlyAtEdge', 'Shadow', 'NotEnrolled'];
/** What the mesh may refuse that others admit. */
const narrower: readonly MeshReason[] = [
  'NotObservable',
  'NotTranslatable',
  'NormalizationMismatch',
  'TooComplex',
  'Conflicted',
];

/** Of a workload that was reported to be so. */
export function limitOf({ reports, meant }: ProofWorkload, admits: boolean): Limit | undefined {
  const found = reports.find(({ reason }) => (admits ? wider : narrower).includes(reason));
  if (found !== undefined) return { reason: found.reason, message: sentenceOf(found) };
  const shadow = admits && meant.settings.enforcement === 'Shadow';
  return shadow ? { reason: 'Shadow', message: 'The mesh only counts: spec.mesh.enforcement is Shadow' } : undefined;
}

function sentenceOf({ message, rules }: MeshReport): string {
  return message === '' ? rules.join(', ') : message;
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
