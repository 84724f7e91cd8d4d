/** One matcher for one value, with exact set operations: what Istio and Envoy call exact, prefix, suffix, present and template. */
import {
  isTemplate,
  matchesTemplate,
  templateEnd,
  templateImplies,
  templateProblem,
  templateStart,
  templatesDisjoint,
} from './template.ts';

export type Pattern =
  | { readonly kind: 'exact' | 'prefix' | 'suffix'; readonly value: string }
  /** Only for hosts: values that end with it, and those with a port behind it. */
  | { readonly kind: 'suffix-any-port'; readonly value: string }
  /** Istio's `*`: any non-empty value. */
  | { readonly kind: 'present' }
  /** Istio's path template; only for paths, and only texts that templateProblem accepts. */
  | { readonly kind: 'template'; readonly value: string };

export { templateProblem };

/** `a` exact, `a*` prefix, `*a` suffix, `*` present; any other `*` is itself, as in Istio (authz/matcher/string.go). */
export function parsePattern(text: string): Pattern {
  if (text === '*') {
    return { kind: 'present' };
  }
  if (text.startsWith('*')) {
    return { kind: 'suffix', value: text.slice(1) };
  }
  return text.endsWith('*') ? { kind: 'prefix', value: text.slice(0, -1) } : { kind: 'exact', value: text };
}

/** As parsePattern, or a template when it holds {*} or {**}. Ask templateProblem first. */
export function parsePathPattern(text: string): Pattern {
  return isTemplate(text) ? { kind: 'template', value: text } : parsePattern(text);
}

/** Case-sensitive; callers lower-case hosts. */
export function matchesPattern(pattern: Pattern, value: string): boolean {
  switch (pattern.kind) {
    case 'exact':
      return value === pattern.value;
    case 'prefix':
      return value.startsWith(pattern.value);
    case 'suffix':
      return value.endsWith(pattern.value);
    case 'suffix-any-port':
      return value.endsWith(pattern.value) || withoutPort(value).endsWith(pattern.value);
    case 'present':
      return value !== '';
    case 'template':
      return matchesTemplate(pattern.value, value);
  }
}

function withoutPort(host: string): string {
  return host.replace(/:\d+$/, '');
}

/** Every value that matches `a` matches `b`. Sound; incomplete only for a literal pattern against a template. */
export function impliesPattern(a: Pattern, b: Pattern): boolean {
  if (a.kind === 'exact') {
    return matchesPattern(b, a.value);
  }
  if (a.kind === 'present') {
    return b.kind === 'present' || matchesEverything(b);
  }
  switch (b.kind) {
    case 'exact':
      return false;
    case 'prefix':
      return fixedStart(a).startsWith(b.value);
    case 'suffix':
      return fixedEnd(a).endsWith(b.value);
    case 'suffix-any-port':
      return a.kind === b.kind ? a.value.endsWith(b.value) : matchesPattern(b, fixedEnd(a));
    case 'present':
      return a.value !== '';
    case 'template':
      return a.kind === 'template' && templateImplies(a.value, b.value);
  }
}

function matchesEverything(pattern: Pattern): boolean {
  return (pattern.kind === 'prefix' || pattern.kind === 'suffix') && pattern.value === '';
}

type Open = Exclude<Pattern, { readonly kind: 'present' }>;

function fixedStart(pattern: Open): string {
  if (pattern.kind === 'template') {
    return templateStart(pattern.value);
  }
  return pattern.kind === 'suffix' || pattern.kind === 'suffix-any-port' ? '' : pattern.value;
}

function fixedEnd(pattern: Open): string {
  if (pattern.kind === 'template') {
    return templateEnd(pattern.value);
  }
  return pattern.kind === 'prefix' || pattern.kind === 'suffix-any-port' ? '' : pattern.value;
}

/** The values that match both, as one pattern; 'empty' when there are none; 'both' when no one pattern says it. */
export function intersectPatterns(a: Pattern, b: Pattern): Pattern | 'empty' | 'both' {
  if (impliesPattern(a, b)) {
    return a;
  }
  if (impliesPattern(b, a)) {
    return b;
  }
  return disjointPatterns(a, b) ? 'empty' : 'both';
}

/** Sound: true only when no value matches both. Complete but for suffixes of templates and the like. */
export function disjointPatterns(a: Pattern, b: Pattern): boolean {
  if (a.kind === 'exact') {
    return !matchesPattern(b, a.value);
  }
  if (b.kind === 'exact') {
    return !matchesPattern(a, b.value);
  }
  // Beside an exact '', only '' misses 'present', and every other pattern has longer matches.
  if (a.kind === 'present' || b.kind === 'present') {
    return false;
  }
  if (a.kind === 'template' && b.kind === 'template') {
    return templatesDisjoint(a.value, b.value);
  }
  if (a.kind === 'suffix-any-port' && b.kind === 'suffix-any-port') {
    return endsDiffer(a.value, b.value) && !couldBePort(a.value) && !couldBePort(b.value);
  }
  return startsDiffer(fixedStart(a), fixedStart(b)) || endsDiffer(fixedEnd(a), fixedEnd(b));
}

/** Such as `0` of `*0`, which `a:80` ends with whatever its host. */
function couldBePort(ending: string): boolean {
  return /(^|:)\d*$/.test(ending);
}

function startsDiffer(a: string, b: string): boolean {
  return !a.startsWith(b) && !b.startsWith(a);
}

function endsDiffer(a: string, b: string): boolean {
  return !a.endsWith(b) && !b.endsWith(a);
}

/** Back to the user's text. */
export function formatPattern(pattern: Pattern): string {
  switch (pattern.kind) {
    case 'exact':
    case 'template':
      return pattern.value;
    case 'prefix':
      return `${pattern.value}*`;
    case 'suffix':
    case 'suffix-any-port':
      return `*${pattern.value}`;
    case 'present':
      return '*';
  }
}

const marks = { exact: '=', prefix: '^', suffix: '$', 'suffix-any-port': ':', present: '*', template: '{' } as const;

/** Unambiguous also when patterns follow each other: the value's length stands before it. */
export function patternKey(pattern: Pattern): string {
  return pattern.kind === 'present' ? '*' : `${marks[pattern.kind]}${pattern.value.length}:${pattern.value}`;
}
