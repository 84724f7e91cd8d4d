/** What an entry of a route table matches, as constraints. What only Envoy's own routing looks at stands apart, in words. */
import { enclosingPrefix } from '../../features/regex.ts';
import type { Match, PathMatch } from '../../ir/match.ts';
import type { Attribute } from '../../policy/attribute.ts';
import type { Constraint } from '../../policy/decision.ts';
import type { Pattern } from '../../policy/pattern.ts';
import { anyHost } from '../hosts.ts';

export interface MatchTerms {
  /** Wider than the match where something is opaque. */
  readonly constraints: readonly Constraint[];
  /** `a regular expression for the path`, `query parameters`. */
  readonly opaque: readonly string[];
}

const remembered = new WeakMap<Match, MatchTerms>();

export function matchTerms(match: Match): MatchTerms {
  const terms = remembered.get(match) ?? termsOf(match);
  remembered.set(match, terms);
  return terms;
}

function termsOf({ path, method, headers, queryParams }: Match): MatchTerms {
  const expressions = headers.filter(({ type }) => type === 'RegularExpression');
  const prefix = path.type === 'RegularExpression' ? enclosingPrefix(path.value) : undefined;
  return {
    constraints: [
      ...pathTerms(prefix === undefined ? path : { type: 'PathPrefix', value: prefix }),
      ...(method === undefined ? [] : [among({ kind: 'method' }, [exactly(method)])]),
      ...headers
        .filter(({ type }) => type === 'Exact')
        .map(({ name, value }) => among({ kind: 'header', name }, [exactly(value)])),
    ],
    opaque: [
      ...(prefix === undefined ? [] : ['a regular expression for the path']),
      ...(expressions.length === 0 ? [] : ['a regular expression for a header']),
      ...(queryParams.length === 0 ? [] : ['query parameters']),
    ],
  };
}

function pathTerms({ type, value }: PathMatch): readonly Constraint[] {
  if (type === 'Exact') return [among({ kind: 'path' }, [exactly(value)])];
  return value === '/' ? [] : [among({ kind: 'path' }, under(value))];
}

/** A prefix goes by path element: `/a` is `/a` and `/a/*`. */
export function under(prefix: string): readonly Pattern[] {
  return [exactly(prefix), { kind: 'prefix', value: `${prefix}/` }];
}

/** The hosts of a virtual host, whatever the port, but for those that narrower ones own. */
export function hostTerms(domain: string, narrower: readonly string[]): readonly Constraint[] {
  const host = { kind: 'host' } as const;
  return [
    ...(domain === anyHost ? [] : [among(host, hostPatterns(domain))]),
    ...(narrower.length === 0 ? [] : [noneOf(host, narrower.flatMap(hostPatterns))]),
  ];
}

function hostPatterns(domain: string): readonly Pattern[] {
  if (domain.startsWith('*.')) return [{ kind: 'suffix-any-port', value: domain.slice(1) }];
  return [exactly(domain), { kind: 'prefix', value: `${domain}:` }];
}

export function exactly(value: string): Pattern {
  return { kind: 'exact', value };
}

export function among(attribute: Attribute, anyOf: readonly Pattern[]): Constraint {
  return { attribute, negated: false, anyOf };
}

export function noneOf(attribute: Attribute, anyOf: readonly Pattern[]): Constraint {
  return { attribute, negated: true, anyOf };
}

/** No request takes both. Sound, and quick: it is asked of all pairs of a virtual host. */
export function disjointMatches(a: Match, b: Match): boolean {
  if (a.method !== undefined && b.method !== undefined && a.method !== b.method) return true;
  return disjointPaths(a.path, b.path);
}

function disjointPaths(a: PathMatch, b: PathMatch): boolean {
  if (a.type === 'RegularExpression' || b.type === 'RegularExpression') return false;
  if (a.type === 'Exact') return b.type === 'Exact' ? a.value !== b.value : !isUnder(a.value, b.value);
  return b.type === 'Exact' ? !isUnder(b.value, a.value) : !isUnder(a.value, b.value) && !isUnder(b.value, a.value);
}

export function isUnder(path: string, prefix: string): boolean {
  return prefix === '/' || (path.startsWith(prefix) && (path.length === prefix.length || path[prefix.length] === '/'));
}
