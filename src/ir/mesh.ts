/** Istio's side of what stands behind gateways: each workload, with all that may be asked of it. Plane-independent no more: every atom here is one that Istio can see. */

import type { ObjectKey, ObjectRef } from '../kube/object.ts';
import type { Labels } from '../kube/pods.ts';
import type { Conjunction } from '../policy/decision.ts';
import type { Finding } from '../status/finding.ts';
import type { Issuer } from './guard.ts';

export type MeshMode = 'Sidecar' | 'Ambient';

/** `spec.mesh` of one ApiGateway, defaults applied; a gateway without one, or in mode None, has no such value. */
export interface MeshSettings {
  readonly mode: MeshMode;
  /** Shadow writes what is only counted, and leaves mTLS permissive. */
  readonly enforcement: 'Enforce' | 'Shadow';
  readonly mtls: 'Strict' | 'Permissive' | 'Unmanaged';
  readonly trustDomain: string;
  /** Istio's proxies take their identities for those of the trust domain; ztunnel does not. */
  readonly trustDomainAliases: readonly string[];
  /** Whose policies, without a selector, are about every namespace. */
  readonly rootNamespace: string;
  readonly onLastPolicy: 'Keep' | 'Release';
  /** Ambient: where L7 is decided; without one, L4 alone is. */
  readonly waypoint: Waypoint | undefined;
  /** Label what is behind the gateway, so that Istio takes it up. */
  readonly enrol: boolean;
  /** `istio.io/rev`; '' is the default one. */
  readonly revision: string;
  /** Of the gateway's Envoys: `cluster.local/ns/gateways/sa/edge-edge`, a principal without `spiffe://`. */
  readonly identity: string;
  /** Whether the mesh normalises paths as the edge does, as MeshConfig says; undefined where nobody knows it. */
  readonly normalises: boolean | undefined;
}

/** Istio's agent beside an Envoy. */
export interface MeshAgent {
  /** Undefined leaves it to the operator. */
  readonly image: string | undefined;
  /** `istiod.istio-system.svc:15012`: who signs. */
  readonly controlPlane: string;
}

export interface Waypoint {
  readonly name: string;
  /** The operator keeps the Gateway object. */
  readonly managed: boolean;
}

/** One Service port, and the ports of the Pods behind it. */
export interface ClosedPort {
  readonly service: string;
  /** What callers dial, and a waypoint sees. */
  readonly port: number;
  /** What a sidecar and ztunnel see; several where Pods give the name of a port different numbers. */
  readonly targets: readonly number[];
}

/** A product of constraints on some ports. Its constraints are about method, path, host, header, claim, issuer and principal alone. */
export interface MeshRule {
  readonly ports: readonly ClosedPort[];
  readonly conjunction: Conjunction;
}

/** Deny wins; what no allow matches is refused on the closed ports, and on no other. */
export interface MeshDecision {
  readonly deny: readonly MeshRule[];
  readonly allow: readonly MeshRule[];
}

/** Pods with one selector, and all Services that name them. */
export interface MeshWorkload {
  /** `namespace/service`, of the first of its Services by name. */
  readonly key: ObjectKey;
  readonly namespace: string;
  /** Names, sorted. */
  readonly services: readonly string[];
  readonly selector: Labels;
  readonly settings: Omit<MeshSettings, 'identity'>;
  /** Sorted by service and port. `all` where a port's number is not known: then every port closes. */
  readonly closed: readonly ClosedPort[] | 'all';
  /** Whose tokens are verified; sorted by id. */
  readonly issuers: readonly Issuer[];
  readonly decision: MeshDecision;
  /** What policies in mode Shadow would decide; undefined without any. */
  readonly shadow?: MeshDecision;
  /** Service accounts of its Pods, `namespace/name`, sorted; undefined where its Pods are not known. */
  readonly serviceAccounts?: readonly string[];
}

/** Where Istio decides. */
export type EnforcementPoint = 'sidecar' | 'waypoint' | 'ztunnel';

export type MeshReason =
  /** Each of its rules. */
  | 'Full'
  /** The named rules hold an atom that only the edge sees: the mesh admits the edge's identity, with all other atoms. */
  | 'PartlyAtEdge'
  /** The named rules are about what no point of enforcement sees: they admit nobody inside the mesh. */
  | 'NotObservable'
  /** The named rules cannot be said in Istio's terms: they admit nobody inside the mesh. */
  | 'NotTranslatable'
  /** No proxy stands before the workload, or nobody knows of one. */
  | 'NotEnrolled'
  /** The workload admits nobody. */
  | 'TooComplex'
  | 'Shadow'
  | 'NormalizationMismatch'
  /** A policy of somebody else admits what ours refuse. */
  | 'Overridden'
  /** Selectors, modes or classes that contradict each other: the workload admits nobody. */
  | 'Conflicted'
  /** Istio has not taken it up, or is not there. */
  | 'Pending';

/** What a workload enforces of one policy. One that is not Full has its sentence. */
export interface MeshReport {
  readonly policy: ObjectRef;
  readonly workload: ObjectKey;
  readonly point: EnforcementPoint;
  readonly reason: MeshReason;
  /** Names of the rules that the reason is about; empty for all. */
  readonly rules: readonly string[];
  readonly message: string;
  /** What to do, an imperative sentence without a full stop; undefined where nothing is to be done. */
  readonly remedy?: string;
}

export interface Mesh {
  readonly workloads: ReadonlyMap<ObjectKey, MeshWorkload>;
  /** By AuthPolicy. */
  readonly reports: ReadonlyMap<ObjectKey, readonly MeshReport[]>;
  readonly findings: readonly Finding[];
}

export const noMesh: Mesh = { workloads: new Map(), reports: new Map(), findings: [] };
