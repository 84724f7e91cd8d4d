/** What Istio's AuthorizationPolicy can say with the meaning that it has here, neither more nor less. */
import type { Attribute } from '../policy/attribute.ts';
import type { Constraint } from '../policy/constraint.ts';
import { type Pattern, templateProblem } from '../policy/pattern.ts';

/** Whether Istio has words for a constraint on what its proxies see. A `false` is for the caller to report; nothing may vanish. */
export function expressible({ attribute, anyOf }: Constraint): boolean {
  return anyOf.length > 0 && nameIsExpressible(attribute) && anyOf.every((pattern) => canSay(attribute, pattern));
}

/**
 * The pattern as Istio reads it (authz/matcher/string.go): `*` first, then a star before, then one behind; any other star is
 * itself. Undefined where that would be another pattern; its webhook refuses empty values.
 */
export function istioText(pattern: Pattern): string | undefined {
  switch (pattern.kind) {
    case 'exact':
      return pattern.value === '' || pattern.value.startsWith('*') || pattern.value.endsWith('*')
        ? undefined
        : pattern.value;
    case 'prefix':
      return pattern.value === '' || pattern.value.startsWith('*') ? undefined : `${pattern.value}*`;
    case 'suffix':
      return pattern.value === '' ? undefined : `*${pattern.value}`;
    case 'present':
      return '*';
    case 'template':
      return pattern.value;
    case 'suffix-any-port':
      return undefined;
  }
}

function canSay({ kind }: Attribute, pattern: Pattern): boolean {
  const text = istioText(pattern);
  if (text === undefined) return false;
  if (kind === 'issuer') return pattern.kind === 'exact';
  if (kind !== 'path') return pattern.kind !== 'template';
  // Any brace makes it a template to Istio, or nothing that its webhook lets pass.
  return pattern.kind === 'template' ? templateProblem(text) === undefined : !/[{}]/.test(text);
}

/** A field name (RFC 9110 §5.1), in lower case. */
const fieldName = /^[a-z0-9!#$%&'*+.^_`|~-]+$/;

function nameIsExpressible(attribute: Attribute): boolean {
  switch (attribute.kind) {
    case 'method':
    case 'path':
    case 'host':
    case 'issuer':
    case 'principal':
      return true;
    case 'header':
      return fieldName.test(attribute.name);
    case 'claim':
      // `request.auth.claims[a][b]` has no escape for brackets, and Envoy refuses an empty key.
      return attribute.path.length > 0 && attribute.path.every((name) => /^[^[\]]+$/.test(name));
    case 'directIp':
    case 'remoteIp':
    case 'serviceAccount':
    case 'namespace':
    case 'clientCertificate':
      return false;
  }
}
