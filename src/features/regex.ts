/** User regexes are checked here with RE2's own limits, because Envoy would reject the whole route table for one of them. */
import { RE2JS } from 're2js';

/** Envoy compiles a pattern per worker; this bounds a hostile one to about a megabyte. */
const maximumProgram = 20_000;

/** Why RE2 refuses the pattern, or undefined. */
export function regexProblem(pattern: string): string | undefined {
  try {
    const size = RE2JS.compile(pattern).programSize();
    return size > maximumProgram ? `it compiles to ${size} instructions, more than ${maximumProgram}` : undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** The longest PathPrefix that holds every path which the pattern could have matched; `/` in doubt. */
export function enclosingPrefix(pattern: string): string {
  if (pattern.includes('|')) return '/';
  const literal = /^\^?([A-Za-z0-9/_-]*)/.exec(pattern)?.[1] ?? '';
  const optional = /^\^?[A-Za-z0-9/_-]*[?*{]/.test(pattern);
  const certain = optional ? literal.slice(0, -1) : literal;
  return certain.slice(0, Math.max(0, certain.lastIndexOf('/'))) || '/';
}
