/** Believing a manifest: zod's verdict as a value, or as findings that say what to write instead. */
import type { z } from 'zod';
import type { ObjectRef } from '../kube/object.ts';
import type { Finding, Result } from '../status/finding.ts';
import { isTakenAsWritten } from './as-written.ts';
import { troubles } from './issues.ts';
import { formatPath } from './wording.ts';

/** Nobody mends more at once, and a manifest with 100,000 mistakes must not fill a status. */
const maxFindings = 20;

export interface Where {
  readonly about: ObjectRef;
  /** Path of the value within the object, e.g. `spec`. */
  readonly at: string;
}

/** At most 20 findings of reason Invalid, one per place; never throws on any value that YAML can hold. */
export function decode<S extends z.ZodType>(schema: S, value: unknown, where: Where): Result<z.output<S>> {
  const parsed = withinStack(() => schema.safeParse(value));
  if (parsed === undefined) return { ok: false, findings: [tooLong(value, where)] };
  if (parsed.success) return { ok: true, value: parsed.data, findings: [] };
  return { ok: false, findings: findingsOf(parsed.error.issues, { schema, value }, where) };
}

/** As decode, but that a value of which the schema changes nothing comes back itself: no copy, and its fields as they stood. */
export function decodeInPlace<S extends z.ZodType>(schema: S, value: unknown, where: Where): Result<z.output<S>> {
  const asWritten = withinStack(() => isTakenAsWritten(schema, value)) === true;
  return asWritten ? { ok: true, value: value as z.output<S>, findings: [] } : decode(schema, value, where);
}

/** Undefined when a pattern ran out of stack on a text of millions of characters. */
function withinStack<T>(attempt: () => T): T | undefined {
  try {
    return attempt();
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function findingsOf(
  issues: readonly z.core.$ZodIssue[],
  subject: { readonly schema: z.ZodType; readonly value: unknown },
  where: Where,
): readonly Finding[] {
  const found = new Map<string, Finding>();
  for (const issue of issues) {
    for (const { path, message, remedy } of troubles(issue, subject)) {
      const at = formatPath(where.at, path);
      // What fails its length often fails its pattern too: the first says enough.
      if (found.has(at)) continue;
      if (found.size === maxFindings) return [...[...found.values()].slice(0, maxFindings - 1), andMore(where)];
      found.set(at, invalid({ ...where, at }, message, remedy));
    }
  }
  return [...found.values()];
}

function invalid(where: Where, message: string, remedy: string): Finding {
  return { about: where.about, severity: 'error', reason: 'Invalid', at: where.at, message, remedy };
}

function andMore(where: Where): Finding {
  return invalid(where, 'there are more mistakes than are listed here', 'Mend the listed ones first');
}

function tooLong(value: unknown, where: Where): Finding {
  const { path, length } = longestText(value, []);
  return invalid(
    { ...where, at: formatPath(where.at, path) },
    `the text has ${length} characters and cannot be checked`,
    'Shorten it',
  );
}

interface Text {
  readonly path: readonly PropertyKey[];
  readonly length: number;
}

function longestText(value: unknown, path: readonly PropertyKey[]): Text {
  if (typeof value === 'string') return { path, length: value.length };
  if (typeof value !== 'object' || value === null) return { path, length: 0 };
  const keyOf = (key: string): PropertyKey => (Array.isArray(value) ? Number(key) : key);
  const texts = Object.entries(value).map(([key, child]) => longestText(child, [...path, keyOf(key)]));
  return texts.reduce((longest, text) => (text.length > longest.length ? text : longest), { path, length: 0 });
}
