/** Matchers of the IR, and those that features write, on one value. */
import { RE2JS } from 're2js';
import type { HeaderMatcher, StringMatcher } from '../../envoy/route.ts';
import type { ValueMatch } from '../../ir/match.ts';
import type { SeenRequest } from './request.ts';

export function valueHolds({ type, value }: Pick<ValueMatch, 'type' | 'value'>, text: string): boolean {
  return type === 'Exact' ? text === value : matchesWhole(value, text);
}

/** RE2 full match, as Envoy's safe_regex. The pattern compiled when it was resolved. */
function matchesWhole(pattern: string, text: string): boolean {
  return RE2JS.compile(pattern).matches(text);
}

/** envoy.config.route.v3.HeaderMatcher: any value may match. */
export function headerHolds(matcher: HeaderMatcher, request: SeenRequest): boolean {
  const values = valuesOf(matcher.name, request);
  const holds = values.some((value) => matcher.string_match === undefined || textHolds(matcher.string_match, value));
  return holds !== (matcher.invert_match ?? false);
}

function valuesOf(name: string, { authority, method, headers }: SeenRequest): readonly string[] {
  if (name === ':authority') return [authority];
  return name === ':method' ? [method] : (headers.get(name) ?? []);
}

function textHolds(matcher: StringMatcher, text: string): boolean {
  if ('safe_regex' in matcher) return matchesWhole(matcher.safe_regex.regex, text);
  const fold = (value: string) => (matcher.ignore_case === true ? value.toLowerCase() : value);
  if ('exact' in matcher) return fold(text) === fold(matcher.exact);
  return 'prefix' in matcher ? fold(text).startsWith(fold(matcher.prefix)) : fold(text).endsWith(fold(matcher.suffix));
}
