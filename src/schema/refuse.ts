/** Refusals that zod, the API server and editors all understand. */
import type { z } from 'zod';

/**
 * A string schema that refuses what matches. As `not: {pattern}` it costs nothing of CEL's budget, however deep in lists.
 * The pattern must mean the same in JavaScript and RE2: no flags, no look-around. Message as of a zod refinement: `must …`.
 */
export function refusing<T extends z.ZodType<string>>(schema: T, pattern: RegExp, message: string): T {
  const earlier: unknown = schema.meta()?.['not'];
  const refusals = typeof earlier === 'object' && earlier !== null ? [earlier, { pattern: pattern.source }] : [];
  const not = refusals.length === 0 ? { pattern: pattern.source } : { anyOf: refusals };
  return schema.refine((text) => !pattern.test(text), message).meta({ not });
}

/** Source of a pattern for the word in any case: flags do not reach a CRD. */
export function anyCase(word: string): string {
  return word.replace(/[a-z]/gi, (letter) => `[${letter.toUpperCase()}${letter.toLowerCase()}]`);
}
