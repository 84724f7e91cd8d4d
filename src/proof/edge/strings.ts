/** envoy.type.matcher.v3 on texts. */
import { RE2JS } from 're2js';
import type { HeaderMatcher, StringMatcher } from '../../envoy/route.ts';
import type { EdgeRequest } from './request.ts';

export function matchesString(matcher: StringMatcher, text: string): boolean {
  if ('safe_regex' in matcher) return expression(matcher.safe_regex.regex).matches(text);
  const fold = (one: string) => (matcher.ignore_case === true ? one.toLowerCase() : one);
  if ('exact' in matcher) return fold(text) === fold(matcher.exact);
  if ('prefix' in matcher) return fold(text).startsWith(fold(matcher.prefix));
  if ('suffix' in matcher) return fold(text).endsWith(fold(matcher.suffix));
  throw new UnknownConfig('string matcher', matcher);
}

/** Any field line; an absent header matches only what is inverted. */
export function matchesHeader(matcher: HeaderMatcher, request: EdgeRequest): boolean {
  const { name, string_match, present_match, invert_match = false } = matcher;
  const values = headerValues(name, request);
  const holds =
    string_match === undefined
      ? values.length > 0 === (present_match ?? true)
      : values.some((value) => matchesString(string_match, value));
  return holds !== invert_match;
}

export function headerValues(name: string, { method, authority, path, headers }: EdgeRequest): readonly string[] {
  switch (name.toLowerCase()) {
    case ':method':
      return [method];
    case ':path':
      return [path];
    case ':authority':
    case 'host':
      return [authority];
    default:
      return headers.get(name.toLowerCase()) ?? [];
  }
}

export function pathOf(request: EdgeRequest): string {
  return request.path.replace(/[?#].*$/s, '');
}

const compiled = new Map<string, RE2JS>();

/** RE2, as Envoy's. */
export function expression(regex: string): RE2JS {
  const known = compiled.get(regex);
  if (known !== undefined) return known;
  if (compiled.size > 10_000) compiled.clear();
  const made = RE2JS.compile(regex);
  compiled.set(regex, made);
  return made;
}

/** The renderer says something that the evaluator has not learned: then nothing can be said about it. */
export class UnknownConfig extends Error {
  override readonly name = 'UnknownConfig';

  constructor(what: string, found: object) {
    super(`cannot evaluate the ${what} ${JSON.stringify(found).slice(0, 200)}`);
  }
}
