/** What a decision says of one request, constraint by constraint: the meaning that both data planes are compared with. */
import { type Attribute, isAddress } from './attribute.ts';
import { containsAddress, parseCidr } from './cidr.ts';
import type { Conjunction, Constraint, Decision } from './constraint.ts';
import { matchesPattern, type Pattern } from './pattern.ts';

export interface RequestFacts {
  readonly method: string;
  /** Normalised, without query. */
  readonly path: string;
  /** `:authority` as sent, its port included. */
  readonly host: string;
  /** By lower-case name; one entry a field line. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly directIp: string;
  readonly remoteIp: string;
  /** Of the caller within the mesh, `trust-domain/ns/namespace/sa/name`; absent for whoever comes from outside. */
  readonly principal?: string;
  /** Subject alternative names of the client's certificate. */
  readonly clientCertificate?: readonly string[];
  /** The verified token; absent when there is none. */
  readonly token?: {
    readonly issuers: readonly string[];
    readonly claims: Readonly<Record<string, unknown>>;
  };
}

export interface Verdict {
  readonly admitted: boolean;
  /** The deny that matched, or the allow that admitted. */
  readonly by: Conjunction | undefined;
  readonly because: 'denied' | 'allowed' | 'not-allowed';
}

export function evaluate(decision: Decision, request: RequestFacts): Verdict {
  const matches = ({ constraints }: Conjunction) => constraints.every((constraint) => holds(constraint, request));
  const denied = decision.deny.find(matches);
  if (denied !== undefined) {
    return { admitted: false, by: denied, because: 'denied' };
  }
  const allowed = decision.allow.find(matches);
  return allowed === undefined
    ? { admitted: false, by: undefined, because: 'not-allowed' }
    : { admitted: true, by: allowed, because: 'allowed' };
}

function holds({ attribute, negated, anyOf }: Constraint, request: RequestFacts): boolean {
  const values = valuesOf(attribute, request);
  const matches = isAddress(attribute) ? containsValue : attribute.kind === 'header' ? matchesLine : matchesPattern;
  return anyOf.some((pattern) => values.some((value) => matches(pattern, value))) !== negated;
}

/** A header that is sent is present, though it be empty (Istio's present_match). */
function matchesLine(pattern: Pattern, line: string): boolean {
  return pattern.kind === 'present' || matchesPattern(pattern, line);
}

function containsValue(pattern: Pattern, address: string): boolean {
  const cidr = pattern.kind === 'exact' ? parseCidr(pattern.value) : undefined;
  return cidr !== undefined && containsAddress(cidr, address);
}

function valuesOf(attribute: Attribute, request: RequestFacts): readonly string[] {
  switch (attribute.kind) {
    case 'host':
      return [request.host.toLowerCase()];
    case 'method':
    case 'path':
    case 'directIp':
    case 'remoteIp':
      return [request[attribute.kind]];
    case 'issuer':
      return request.token?.issuers ?? [];
    case 'header':
      return request.headers.get(attribute.name) ?? [];
    case 'claim':
      return claimValues(attribute.path, request.token?.claims);
    case 'principal':
    case 'namespace':
    case 'serviceAccount':
      return identityValues(attribute.kind, request.principal);
    case 'clientCertificate':
      return request.clientCertificate ?? [];
  }
}

function identityValues(
  kind: 'principal' | 'namespace' | 'serviceAccount',
  principal: string | undefined,
): readonly string[] {
  if (principal === undefined || kind === 'principal') return principal === undefined ? [] : [principal];
  const [, namespace, name] = /^[^/]+\/ns\/([^/]+)\/sa\/([^/]+)$/.exec(principal) ?? [];
  if (namespace === undefined || name === undefined) return [];
  return [kind === 'namespace' ? namespace : `${namespace}/${name}`];
}

function claimValues(path: readonly string[], claims: unknown): readonly string[] {
  const claim = path.reduce<unknown>(member, claims);
  if (typeof claim === 'string') {
    return isSpaceDelimited(path) ? claim.split(' ').filter((word) => word !== '') : [claim];
  }
  return Array.isArray(claim) ? claim.filter((value) => typeof value === 'string') : [];
}

function member(object: unknown, name: string): unknown {
  return isRecord(object) && Object.hasOwn(object, name) ? object[name] : undefined;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Istio sets jwt_authn's normalize_payload_in_metadata.space_delimited_claims to these two, at the top level only. */
function isSpaceDelimited(path: readonly string[]): boolean {
  return path.length === 1 && (path[0] === 'scope' || path[0] === 'permission');
}
