/** Path patterns through a rewrite: what the edge matched, as what the workload sees. */
import type { RouteAction } from '../../envoy/route.ts';
import { pathEdit } from '../../features/path-modifier.ts';
import type { PathMatch } from '../../ir/match.ts';
import type { Constraint } from '../../policy/decision.ts';
import { matchesPattern, type Pattern, templateProblem } from '../../policy/pattern.ts';
import { matchesTemplate } from '../../policy/template.ts';
import { among, exactly, noneOf } from './match-terms.ts';

export type PathChange =
  | { readonly kind: 'none' }
  /** Paths that are `from` or begin with `from/` get `to` in its place; '' is the root, and its result never is. */
  | { readonly kind: 'prefix'; readonly from: string; readonly to: string }
  | { readonly kind: 'fixed'; readonly path: string }
  | { readonly kind: 'unknown' };

const unchanged: PathChange = { kind: 'none' };

/** Read as Envoy reads it, so that no feature need be named. */
export function pathChange({ prefix_rewrite, regex_rewrite }: Partial<RouteAction>, match: PathMatch): PathChange {
  if (prefix_rewrite !== undefined) return prefixChange(prefix_rewrite, match);
  if (regex_rewrite === undefined) return unchanged;
  const { pattern, substitution } = regex_rewrite;
  const toRoot = pathEdit({ type: 'ReplacePrefixMatch', value: '/' }, match).regex_rewrite;
  if (match.type === 'PathPrefix' && toRoot?.pattern.regex === pattern.regex && toRoot.substitution === substitution) {
    return { kind: 'prefix', from: match.value, to: '' };
  }
  const all = pathEdit({ type: 'ReplaceFullPath', value: substitution }, match).regex_rewrite;
  const whole = all?.pattern.regex === pattern.regex && !substitution.includes('\\');
  return whole ? { kind: 'fixed', path: substitution } : { kind: 'unknown' };
}

function prefixChange(rewrite: string, { type, value }: PathMatch): PathChange {
  if (type === 'Exact') return { kind: 'fixed', path: rewrite };
  if (type === 'RegularExpression') return { kind: 'unknown' };
  const [from, to] = value === '/' ? ['', rewrite.replace(/\/$/, '')] : [value, rewrite];
  return from === to ? unchanged : { kind: 'prefix', from, to };
}

export interface Moved {
  /** What the workload sees holds it; undefined where that is every path. */
  readonly constraint: Constraint | undefined;
  /** Whether it holds of nothing else than what held before. */
  readonly exact: boolean;
}

/** Never narrower: each path that holds `constraint` becomes one that holds the result. */
export function movedPath(constraint: Constraint, change: PathChange): Moved {
  switch (change.kind) {
    case 'none':
      return { constraint, exact: true };
    case 'fixed':
    case 'unknown':
      return { constraint: undefined, exact: false };
    case 'prefix':
      return constraint.negated ? movedRefusal(constraint, change) : movedWish(constraint, change);
  }
}

/** Where every path ends up. */
export function imageOf(change: PathChange): readonly Constraint[] {
  const path = { kind: 'path' } as const;
  if (change.kind === 'fixed') return [among(path, [exactly(change.path)])];
  if (change.kind !== 'prefix' || change.to === '') return [];
  const below: Pattern = { kind: 'prefix', value: `${change.to}/` };
  return [among(path, change.from === '' ? [below] : [exactly(change.to), below])];
}

type PrefixChange = Extract<PathChange, { readonly kind: 'prefix' }>;

function movedWish({ attribute, anyOf }: Constraint, change: PrefixChange): Moved {
  const moved = anyOf.map((pattern) => movedPattern(pattern, change));
  const split = partsRoot(anyOf, change);
  if (moved.includes('all')) return { constraint: undefined, exact: !split };
  if (moved.includes('unknown')) return { constraint: undefined, exact: false };
  return { constraint: among(attribute, moved.filter(isPattern)), exact: !split };
}

function movedRefusal({ attribute, anyOf }: Constraint, change: PrefixChange): Moved {
  const split = partsRoot(anyOf, change);
  const kept = split
    ? anyOf.filter((pattern) => !rootsOf(change).some((root) => matchesPattern(pattern, root)))
    : anyOf;
  const moved = kept.map((pattern) => movedPattern(pattern, change));
  // One for all paths refuses everybody here, too.
  const patterns = moved.includes('all') ? [{ kind: 'prefix', value: '/' } as const] : moved.filter(isPattern);
  return {
    constraint: patterns.length === 0 ? undefined : noneOf(attribute, patterns),
    exact: !split && !moved.includes('unknown'),
  };
}

/** `/from` and `/from/` both become `/`: whoever tells them apart is not understood behind the rewrite. */
function partsRoot(patterns: readonly Pattern[], change: PrefixChange): boolean {
  if (change.to !== '' || change.from === '') return false;
  const [bare, slashed] = rootsOf(change).map((root) => patterns.some((pattern) => matchesPattern(pattern, root)));
  return bare !== slashed;
}

function rootsOf({ from }: PrefixChange): readonly string[] {
  return [from, `${from}/`];
}

type MovedPattern = Pattern | 'none' | 'all' | 'unknown';

function isPattern(moved: MovedPattern): moved is Pattern {
  return typeof moved === 'object';
}

function movedPattern(pattern: Pattern, change: PrefixChange): MovedPattern {
  const { from, to } = change;
  switch (pattern.kind) {
    case 'exact': {
      const isBelow = (from !== '' && pattern.value === from) || pattern.value.startsWith(`${from}/`);
      return isBelow ? exactly(to + pattern.value.slice(from.length) || '/') : 'none';
    }
    case 'prefix':
      if (`${from}/`.startsWith(pattern.value)) return pattern.value === `${from}/` && from !== '' ? below(to) : 'all';
      return pattern.value.startsWith(`${from}/`)
        ? { kind: 'prefix', value: to + pattern.value.slice(from.length) }
        : 'none';
    case 'suffix':
      return reachesInto(from, pattern.value) || reachesInto(to, pattern.value) ? 'unknown' : pattern;
    case 'present':
      return 'all';
    case 'template':
      return movedTemplate(pattern.value, change);
    case 'suffix-any-port':
      return 'unknown';
  }
}

function below(to: string): Pattern {
  return { kind: 'prefix', value: `${to}/` };
}

/** A path may end with `ending` because of what stands before the rest. */
function reachesInto(prefix: string, ending: string): boolean {
  for (let length = 1; length <= ending.length; length += 1) {
    const rest = ending.slice(length);
    if ((rest === '' || rest.startsWith('/')) && prefix.endsWith(ending.slice(0, length))) return true;
  }
  return false;
}

/** By segments: those of `from` must be matched by as many of the template. */
function movedTemplate(template: string, { from, to }: PrefixChange): MovedPattern {
  const segments = template.split('/').slice(1);
  const replaced = from === '' ? [] : from.split('/').slice(1);
  const head = segments.slice(0, replaced.length);
  if (head.includes('{**}')) return 'unknown';
  const fits =
    head.length === replaced.length &&
    head.every((segment, index) => matchesTemplate(`/${segment}`, `/${replaced[index] ?? ''}`));
  if (!fits) return 'none';
  const rest = segments.slice(replaced.length);
  const moved = `${to}${rest.length === 0 ? '' : `/${rest.join('/')}`}` || '/';
  if (!/\{\*{1,2}\}/.test(moved)) return exactly(moved);
  return templateProblem(moved) === undefined ? { kind: 'template', value: moved } : 'unknown';
}
