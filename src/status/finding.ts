/** A user's mistake, or a limit, as a value: collected by every stage, folded into conditions, printed by `lint`. */
import type { ObjectRef } from '../kube/object.ts';

export type Severity = 'error' | 'warning';

/** Public API: every reason is listed in docs/reference/findings.md and shows up in `status.conditions[].reason`. */
export const reasons = {
  Invalid: { condition: 'Accepted', summary: 'The object or field does not have the shape of its schema.' },
  UnsupportedValue: { condition: 'Accepted', summary: 'The value is well-formed but cannot be served.' },
  TooComplex: {
    condition: 'Accepted',
    summary: 'The policies on one path, or all rules about one workload, come to more than 512 conjunctions.',
  },
  Conflicted: { condition: 'Accepted', summary: 'Another object or listener claims the same place.' },
  NoMatchingParent: { condition: 'Accepted', summary: 'A parentRef names no ApiGateway or listener.' },
  NotAllowedByListeners: { condition: 'Accepted', summary: "The listener's allowedRoutes do not admit the Route." },
  NoMatchingListenerHostname: { condition: 'Accepted', summary: "No hostname of the Route intersects the listener's." },
  TargetNotFound: { condition: 'Accepted', summary: 'A targetRef names nothing that exists.' },
  Unsatisfiable: { condition: 'Accepted', summary: 'The policies on one path can never all admit the same request.' },
  InvalidCertificateRef: { condition: 'ResolvedRefs', summary: 'A certificate cannot be found, read or matched.' },
  BackendNotFound: { condition: 'ResolvedRefs', summary: 'A backendRef names no Service or port.' },
  InvalidKind: { condition: 'ResolvedRefs', summary: 'A reference names a group or kind that is not supported.' },
  RefNotPermitted: {
    condition: 'ResolvedRefs',
    summary: 'A reference into another namespace lacks its ReferenceGrant.',
  },
  UnsupportedProtocol: { condition: 'ResolvedRefs', summary: "The Service port's appProtocol is not supported." },
  InvalidJwks: {
    condition: 'ResolvedRefs',
    summary: 'A JWKS cannot be found or read, or holds a key that is not public.',
  },
  NotProgrammed: { condition: 'Programmed', summary: 'Envoy could not be started, or refused what it was told.' },
  NotApplied: { condition: 'Programmed', summary: 'The API server refused an object that the ApiGateway needs.' },
  NameTaken: { condition: 'Programmed', summary: 'An object that is not ours has the name of one that we need.' },
  PodsNotReady: { condition: 'Ready', summary: 'Pods of the ApiGateway cannot start.' },
  ConfigTooLarge: { condition: 'Programmed', summary: 'What Envoy is to be told does not fit into its ConfigMaps.' },
  PolicyBlocked: { condition: 'Ready', summary: 'A policy on the path cannot be enforced, so the rule answers 500.' },
  NotCovered: {
    condition: 'Ready',
    summary: 'No AuthPolicy covers the rule and defaultAccess is Deny: it answers 403.',
  },
  MeshConflict: {
    condition: 'MeshEnforced',
    summary: 'Selectors, modes or classes of a workload contradict each other, so the mesh admits nobody to it.',
  },
  NotObservable: { condition: 'MeshEnforced', summary: 'A rule is about what no proxy of the mesh sees.' },
  NotTranslatable: { condition: 'MeshEnforced', summary: "A rule cannot be said in Istio's terms." },
  NormalizationMismatch: {
    condition: 'MeshEnforced',
    summary: 'The mesh normalises paths less than the edge, or nobody knows: rules about paths admit nobody inside it.',
  },
  NotEnrolled: {
    condition: 'MeshEnforced',
    summary: 'No proxy of the mesh, or not the waypoint that it needs, stands before a workload.',
  },
  Overridden: {
    condition: 'MeshEnforced',
    summary: 'A policy of somebody else, of Istio, admits what ours refuse, or takes callers their identity.',
  },
  IstioMissing: { condition: 'MeshEnforced', summary: "Istio's CRDs are missing, or too old." },
  NotGuarding: { condition: 'Ready', summary: 'The policy has no effect as written.' },
} as const satisfies Record<string, { readonly condition: string; readonly summary: string }>;

export type Reason = keyof typeof reasons;

export interface Finding {
  readonly about: ObjectRef;
  readonly severity: Severity;
  readonly reason: Reason;
  /** Field path within the object, e.g. `spec.rules[0].matches[1].path.value`; '' for the whole object. */
  readonly at: string;
  /** What is wrong, one sentence without a full stop at its end. */
  readonly message: string;
  /** What to do about it, one imperative sentence without a full stop at its end. */
  readonly remedy: string;
}

/** A value, or the findings that say why there is none. */
export type Result<T> = { readonly ok: true; readonly value: T; readonly findings: readonly Finding[] } | Failure;
export interface Failure {
  readonly ok: false;
  readonly findings: readonly Finding[];
}
