/** What users write in a rule, as patterns of the decision algebra, or why it cannot be one. */

import type { Attribute } from '../../policy/attribute.ts';
import { parseCidr } from '../../policy/cidr.ts';
import type { Constraint } from '../../policy/decision.ts';
import { type Pattern, parsePathPattern, parsePattern, templateProblem } from '../../policy/pattern.ts';

export interface Problem {
  readonly message: string;
  readonly remedy: string;
}

export type Read<T> = { readonly value: T } | Problem;

export function isProblem<T>(read: Read<T>): read is Problem {
  return 'message' in read;
}

export type Reader = (text: string) => Read<readonly Pattern[]>;

export const readText: Reader = (text) => ({ value: [parsePattern(text)] });

/** Methods are case-sensitive (RFC 9110 §9.1): `get` would never match, and a deny of it would never fire. */
export const readMethod: Reader = (text) =>
  /^\*?[A-Z-]*\*?$/.test(text)
    ? readText(text)
    : { message: `${JSON.stringify(text)} is not an upper-case HTTP method`, remedy: `Write ${text.toUpperCase()}` };

export const readPath: Reader = (text) => {
  if (text.includes('{')) {
    const problem = templateProblem(text);
    if (problem !== undefined) {
      return {
        message: `the path template is not valid: ${problem}`,
        remedy: 'Use {*} for one segment and {**} only at the end',
      };
    }
  } else if (!/^(\*|\/)/.test(text)) {
    return { message: `the path ${JSON.stringify(text)} does not begin with / or *`, remedy: `Write /${text}` };
  }
  return { value: [parsePathPattern(text)] };
};

/** Any port: `h` is `h` and `h:*`, as Istio's documentation asks for, and `*h` ends with either: a deny must not be passed by a port. */
export const readHost: Reader = (text) => {
  const pattern = parsePattern(text.toLowerCase());
  if (/[/ ?#@]/.test(text)) {
    return {
      message: `${JSON.stringify(text)} is not a host`,
      remedy: 'Write a hostname such as api.example.com, without scheme or path',
    };
  }
  // One with a port means that port alone.
  if ('value' in pattern && /:\d+$/.test(pattern.value)) return { value: [pattern] };
  if (pattern.kind === 'suffix') return { value: [{ kind: 'suffix-any-port', value: pattern.value }] };
  return { value: pattern.kind === 'exact' ? [pattern, { kind: 'prefix', value: `${pattern.value}:` }] : [pattern] };
};

export const readCidr: Reader = (text) => {
  const block = parseCidr(text);
  return block === undefined
    ? {
        message: `${JSON.stringify(text)} is not an IP address or CIDR block`,
        remedy: 'Write one such as 203.0.113.0/24',
      }
    : { value: [{ kind: 'exact', value: block.text }] };
};

/** A name alone is of the policy's own namespace. */
export function readServiceAccount(own: string): Reader {
  return (text) => ({ value: [{ kind: 'exact', value: text.includes('/') ? text : `${own}/${text}` }] });
}

export function positive(attribute: Attribute, anyOf: readonly Pattern[]): Constraint {
  return { attribute, negated: false, anyOf };
}

export function negative(attribute: Attribute, anyOf: readonly Pattern[]): Constraint {
  return { attribute, negated: true, anyOf };
}

const issuerClaim: Attribute = { kind: 'claim', path: ['iss'] };
const subjectClaim: Attribute = { kind: 'claim', path: ['sub'] };

export interface RequestPrincipal {
  readonly issuer: Pattern;
  readonly subject: Pattern;
}

/** `iss/sub`, split at the last slash; `p*` and `*s` without a slash are a prefix of iss and a suffix of sub (Istio). */
export function readRequestPrincipal(text: string): Read<RequestPrincipal> {
  const any: Pattern = { kind: 'present' };
  const slash = text.lastIndexOf('/');
  if (text === '*') return { value: { issuer: any, subject: any } };
  if (slash < 0 && text.endsWith('*')) return { value: { issuer: parsePattern(text), subject: any } };
  if (slash < 0 && text.startsWith('*')) return { value: { issuer: any, subject: parsePattern(text) } };
  const issuer = text.slice(0, slash);
  // `https://host` splits inside the scheme: no issuer could ever match it.
  if (slash < 0 || /^[a-z][a-z0-9+.-]*:\/?$/i.test(issuer) || issuer === '') {
    return {
      message: `${JSON.stringify(text)} is not of the form iss/sub`,
      remedy: `Write ${text.replace(/\*$/, '').replace(/\/$/, '')}/* for every subject of that issuer`,
    };
  }
  return { value: { issuer: parsePattern(issuer), subject: parsePattern(text.slice(slash + 1)) } };
}

export function isPrincipal(principal: RequestPrincipal): readonly Constraint[] {
  return [positive(issuerClaim, [principal.issuer]), positive(subjectClaim, [principal.subject])];
}

/** Each way of not being the principal: another issuer, or another subject. */
export function isNotPrincipal(principal: RequestPrincipal): readonly Constraint[] {
  return [negative(issuerClaim, [principal.issuer]), negative(subjectClaim, [principal.subject])];
}
