/** What a policy may look at, by names that no data plane knows. */
export type Attribute =
  /** One value a request. */
  | { readonly kind: 'method' | 'path' | 'host' }
  /** One value a request; the members of a constraint are CIDR texts. */
  | { readonly kind: 'directIp' | 'remoteIp' }
  /** Id of the JWT provider whose keys verified the token; one value or none. */
  | { readonly kind: 'issuer' }
  /** Lower-case name; each field line is one value. */
  | { readonly kind: 'header'; readonly name: string }
  /** Of the verified token: a string, or each string of a list; anything else is no value. */
  | { readonly kind: 'claim'; readonly path: readonly string[] }
  /** Who calls within the mesh: one value, or none. `namespace/name`; a namespace; `trust-domain/ns/namespace/sa/name`. */
  | { readonly kind: 'serviceAccount' | 'namespace' | 'principal' }
  /** Subject alternative names (URI, DNS) of the client's certificate, each one value. */
  | { readonly kind: 'clientCertificate' };

/**
 * Where an attribute can be seen (DESIGN §5). `portable`: on both sides. `edge`: only where the client is seen; inside the
 * mesh it has no value. `mesh`: only there; a request from outside has no value.
 */
export type Observability = 'portable' | 'edge' | 'mesh';

export function observability({ kind }: Attribute): Observability {
  switch (kind) {
    case 'directIp':
    case 'remoteIp':
    case 'clientCertificate':
      return 'edge';
    case 'serviceAccount':
    case 'namespace':
    case 'principal':
      return 'mesh';
    case 'method':
    case 'path':
    case 'host':
    case 'issuer':
    case 'header':
    case 'claim':
      return 'portable';
  }
}

/** Stable and unambiguous: `path`, `header:x-team`, `claim:["realm","roles"]`. */
export function attributeKey(attribute: Attribute): string {
  switch (attribute.kind) {
    case 'header':
      return `header:${attribute.name}`;
    case 'claim':
      return `claim:${JSON.stringify(attribute.path)}`;
    case 'method':
    case 'path':
    case 'host':
    case 'directIp':
    case 'remoteIp':
    case 'issuer':
    case 'serviceAccount':
    case 'namespace':
    case 'principal':
    case 'clientCertificate':
      return attribute.kind;
  }
}

/** Two positive constraints on a single value meet in that value; on several values, each may be met by another one. */
export function isSingleValued(attribute: Attribute): boolean {
  return attribute.kind !== 'header' && attribute.kind !== 'claim' && attribute.kind !== 'clientCertificate';
}

export function isAddress(attribute: Attribute): boolean {
  return attribute.kind === 'directIp' || attribute.kind === 'remoteIp';
}

/** By UTF-16 code units: the same on every machine, whatever its locale. */
export function compareText(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
