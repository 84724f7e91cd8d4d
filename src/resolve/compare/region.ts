/** Sets of requests by what Routes match: where two matches meet, and whether one holds wherever another does. */
import { RE2JS } from 're2js';
import type { Match, PathMatch, ValueMatch } from '../../ir/match.ts';

/** The requests that two matches have in common; both paths must hold. */
export interface Region {
  readonly paths: readonly [PathMatch, ...PathMatch[]];
  readonly method?: string;
  readonly headers: readonly ValueMatch[];
  readonly queryParams: readonly ValueMatch[];
}

/** Undefined when no request is in both. Sound: what is left may still be empty where expressions are involved. */
export function meetMatches(a: Match, b: Match): Region | undefined {
  if (a.method !== undefined && b.method !== undefined && a.method !== b.method) return undefined;
  const paths = meetPaths(a.path, b.path);
  if (paths === undefined) return undefined;
  const queryParams = unite(a.queryParams, b.queryParams);
  // Envoy looks at the first parameter of a name only; of a header it takes any line.
  if (contradicts(queryParams)) return undefined;
  const method = a.method ?? b.method;
  return { paths, headers: unite(a.headers, b.headers), queryParams, ...(method === undefined ? {} : { method }) };
}

function unite(a: readonly ValueMatch[], b: readonly ValueMatch[]): readonly ValueMatch[] {
  const missing = b.filter((one) => !a.some((other) => sameValue(one, other)));
  return missing.length === 0 ? a : [...a, ...missing].toSorted((x, y) => compareText(valueKey(x), valueKey(y)));
}

export function sameValue(a: ValueMatch, b: ValueMatch): boolean {
  return a.name === b.name && a.type === b.type && a.value === b.value;
}

function contradicts(values: readonly ValueMatch[]): boolean {
  const exact = values.filter(({ type }) => type === 'Exact').map(({ name }) => name);
  return new Set(exact).size < exact.length;
}

function meetPaths(a: PathMatch, b: PathMatch): Region['paths'] | undefined {
  if (pathImplies(a, b)) return [a];
  if (pathImplies(b, a)) return [b];
  if (a.type === 'RegularExpression') return b.type === 'RegularExpression' ? meetExpressions(a, b) : meetLiteral(a, b);
  return b.type === 'RegularExpression' ? meetLiteral(b, a) : undefined;
}

function meetExpressions(a: PathMatch, b: PathMatch): Region['paths'] | undefined {
  const [left, right] = [literalStart(a.value), literalStart(b.value)];
  return left.startsWith(right) || right.startsWith(left) ? [a, b] : undefined;
}

function meetLiteral(expression: PathMatch, other: PathMatch): Region['paths'] | undefined {
  // An exact path that the expression matched was implied.
  if (other.type === 'Exact') return undefined;
  const start = literalStart(expression.value);
  return underPrefix(start, other.value) || other.value.startsWith(start) ? [other, expression] : undefined;
}

/** Every path that `a` matches, `b` matches. Sound, not complete. */
export function pathImplies(a: PathMatch, b: PathMatch): boolean {
  switch (b.type) {
    case 'Exact':
      return a.type === 'Exact' && a.value === b.value;
    case 'RegularExpression':
      return a.type === 'Exact' ? matchesWhole(b.value, a.value) : a.type === b.type && a.value === b.value;
    case 'PathPrefix': {
      if (b.value === '/') return true;
      if (a.type !== 'RegularExpression') return underPrefix(a.value, b.value);
      return literalStart(a.value).startsWith(`${b.value}/`);
    }
  }
}

function underPrefix(path: string, prefix: string): boolean {
  return prefix === '/' || path === prefix || path.startsWith(`${prefix}/`);
}

/** Every request of the region matches. Sound, not complete. */
export function regionImplies({ paths, method, headers, queryParams }: Region, match: Match): boolean {
  return (
    (match.method === undefined || match.method === method) &&
    paths.some((path) => pathImplies(path, match.path)) &&
    match.headers.every((wanted) => headers.some((value) => valueImplies(value, wanted))) &&
    match.queryParams.every((wanted) => queryParams.some((value) => valueImplies(value, wanted)))
  );
}

function valueImplies(value: ValueMatch, wanted: ValueMatch): boolean {
  if (sameValue(value, wanted)) return true;
  const decided = value.name === wanted.name && value.type === 'Exact' && wanted.type === 'RegularExpression';
  return decided && matchesWhole(wanted.value, value.value);
}

/** What every text that the expression matches starts with; '' where that is not plain to see. */
export function literalStart(expression: string): string {
  if (expression.includes('|')) return '';
  const [literal = ''] = /^\^?[A-Za-z0-9/_~%@,;:=&!' -]*(?:\\[./-][A-Za-z0-9/_~%@,;:=&!' -]*)*/.exec(expression) ?? [];
  const isRepeated = /^[?*{]/.test(expression.slice(literal.length));
  const certain = isRepeated ? literal.replace(/\\?.$/, '') : literal;
  return certain.replace(/^\^/, '').replaceAll('\\', '');
}

const compiled = new Map<string, RE2JS>();

/** As Envoy's safe_regex: RE2, over all of the text. */
function matchesWhole(expression: string, text: string): boolean {
  const pattern = compiled.get(expression) ?? RE2JS.compile(expression);
  if (compiled.size > 10_000) compiled.clear();
  compiled.set(expression, pattern);
  return pattern.matches(text);
}

/** Equal for equal regions. */
export function regionKey({ paths, method = '', headers, queryParams }: Region): string {
  const path = paths.map(({ type, value }) => `${type} ${value}`).join(' ');
  const plain = headers.length === 0 && queryParams.length === 0;
  return `${path} ${method}${plain ? '' : ` ${headers.map(valueKey).join()} ${queryParams.map(valueKey).join()}`}`;
}

function valueKey(value: ValueMatch): string {
  return JSON.stringify([value.name, value.type, value.value]);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
