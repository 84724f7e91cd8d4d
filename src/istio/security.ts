/** security.istio.io/v1: what we write, and read of others. No behaviour. */
import type { KubeObject } from '../kube/object.ts';
import type { Labels } from '../kube/pods.ts';

/** istio.api.type.v1beta1.PolicyTargetReference. */
export interface TargetReference {
  readonly group: string;
  readonly kind: string;
  readonly name: string;
}

export interface Selector {
  readonly matchLabels?: Labels;
}

/** Whom a policy is about: all of the namespace with neither. */
export interface Scope {
  readonly selector?: Selector;
  readonly targetRefs?: readonly TargetReference[];
}

/** Fields are AND-ed, the values of one OR-ed; `not…` is true where there is no value. */
export interface Source {
  readonly principals?: readonly string[];
  readonly notPrincipals?: readonly string[];
  readonly requestPrincipals?: readonly string[];
  readonly notRequestPrincipals?: readonly string[];
  readonly namespaces?: readonly string[];
  readonly notNamespaces?: readonly string[];
  readonly serviceAccounts?: readonly string[];
  readonly notServiceAccounts?: readonly string[];
  readonly ipBlocks?: readonly string[];
  readonly notIpBlocks?: readonly string[];
  readonly remoteIpBlocks?: readonly string[];
  readonly notRemoteIpBlocks?: readonly string[];
}

export interface Operation {
  readonly hosts?: readonly string[];
  readonly notHosts?: readonly string[];
  readonly ports?: readonly string[];
  readonly notPorts?: readonly string[];
  readonly methods?: readonly string[];
  readonly notMethods?: readonly string[];
  readonly paths?: readonly string[];
  readonly notPaths?: readonly string[];
}

/** `request.headers[x-tenant]`, `request.auth.claims[realm][roles]`. */
export interface Condition {
  readonly key: string;
  readonly values?: readonly string[];
  readonly notValues?: readonly string[];
}

export interface Rule {
  readonly from?: readonly { readonly source: Source }[];
  readonly to?: readonly { readonly operation: Operation }[];
  readonly when?: readonly Condition[];
}

export interface AuthorizationPolicySpec extends Scope {
  readonly action?: 'ALLOW' | 'DENY' | 'AUDIT' | 'CUSTOM';
  /** ALLOW without rules admits nobody; `[{}]` everybody. */
  readonly rules?: readonly Rule[];
}

export interface JwtRule {
  readonly issuer: string;
  readonly audiences?: readonly string[];
  readonly jwks?: string;
  readonly jwksUri?: string;
  readonly fromHeaders?: readonly { readonly name: string; readonly prefix?: string }[];
  /** Otherwise the token is taken away before the next hop. */
  readonly forwardOriginalToken?: boolean;
}

export interface RequestAuthenticationSpec extends Scope {
  readonly jwtRules?: readonly JwtRule[];
}

export type MutualTlsMode = 'UNSET' | 'DISABLE' | 'PERMISSIVE' | 'STRICT';

export interface PeerAuthenticationSpec {
  readonly selector?: Selector;
  readonly mtls?: { readonly mode: MutualTlsMode };
  /** By container port; needs a selector. */
  readonly portLevelMtls?: Readonly<Record<string, { readonly mode: MutualTlsMode }>>;
}

/** istio.io/meta/v1alpha1 condition, of an object or of one of its targets. */
export interface IstioCondition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly observedGeneration?: number | string;
}

interface Reported {
  readonly status?: { readonly conditions?: readonly IstioCondition[] };
}

export interface AuthorizationPolicy extends KubeObject, Reported {
  readonly spec?: AuthorizationPolicySpec;
}

export interface RequestAuthentication extends KubeObject, Reported {
  readonly spec?: RequestAuthenticationSpec;
}

export interface PeerAuthentication extends KubeObject, Reported {
  readonly spec?: PeerAuthenticationSpec;
}

/** What the renderer makes, and the operator owns. */
export type SecurityObject = AuthorizationPolicy | RequestAuthentication | PeerAuthentication;

export const securityVersion = 'security.istio.io/v1';
/** On an AuthorizationPolicy: counted, not enforced. */
export const dryRunAnnotation = 'istio.io/dry-run';
