/** zod's issues in the words of a manifest's author: what is wrong, and what to write instead. */
import { z } from 'zod';
import { choices, closest, show, visible } from './wording.ts';
import { exampleAt, knownFields, schemasAt, valueAt } from './zod-walk.ts';

type Issue = z.core.$ZodIssue;

/** What was parsed, so that an issue can be put beside the value and its schema. */
export interface Subject {
  readonly schema: z.ZodType;
  readonly value: unknown;
}

export interface Trouble {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly remedy: string;
}

const kinds: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'an integer',
  boolean: 'true or false',
  object: 'an object',
  record: 'an object',
  array: 'a list',
  null: 'null',
};

/** One issue can be several troubles: each unknown field is one. */
export function* troubles(issue: Issue, subject: Subject): Generator<Trouble> {
  const value = valueAt(subject.value, issue.path);
  if (issue.code === 'unrecognized_keys') yield* unknownFields(issue, subject);
  else if (issue.code === 'custom' && issue.params?.['remedy'] !== undefined) yield told(issue, value);
  else if (issue.code === 'invalid_union') yield* unionTroubles(issue, subject);
  else if (value === undefined) yield missing(issue, subject);
  else if (needsQuotes(issue, value, subject)) yield unquoted(issue.path, value);
  else yield { path: issue.path, ...wording(issue, value, exampleOf(issue, subject)) };
}

/** The schema's author wrote the remedy, too. */
function told(issue: z.core.$ZodIssueCustom, value: unknown): Trouble {
  const { path, message, params } = issue;
  // Without its field at hand, the message has to be a sentence by itself.
  const whole = value === undefined || typeof value === 'object';
  return { path, message: whole ? message : `${show(value)} ${message}`, remedy: String(params?.['remedy']) };
}

function wording(issue: Issue, value: unknown, example: string): { readonly message: string; readonly remedy: string } {
  switch (issue.code) {
    case 'invalid_type':
      return wrongType(issue.expected, value, example);
    case 'invalid_value':
      return wrongMember(issue.values, value);
    case 'too_big':
    case 'too_small':
      return outOfBounds(issue, value);
    case 'not_multiple_of':
      return {
        message: `${show(value)} is not a multiple of ${issue.divisor}`,
        remedy: `Write a multiple of ${issue.divisor}`,
      };
    case 'invalid_format':
      return demanded(formatDemand(issue), value, example);
    case 'invalid_key': {
      const reason = issue.issues[0]?.message ?? 'must be a well-formed key';
      return { message: `its key ${reason}`, remedy: imperative(reason, '') };
    }
    case 'custom':
    case 'invalid_element':
    case 'invalid_union':
    case 'unrecognized_keys':
      return demanded(issue.message, value, example);
  }
}

function exampleOf(issue: Issue, subject: Subject): string {
  const example = exampleAt(subject.schema, subject.value, issue.path);
  const text = example === undefined || example === valueAt(subject.value, issue.path) ? '' : JSON.stringify(example);
  return text === '' || text.length > 80 ? '' : `, for example ${text}`;
}

function fieldName(issue: Issue): string {
  const name = issue.path.at(-1);
  return name === undefined ? 'it' : show(String(name));
}

function missing(issue: Issue, subject: Subject): Trouble {
  const what =
    issue.code === 'invalid_value'
      ? `: ${choices(issue.values)}`
      : issue.code === 'invalid_type'
        ? `, ${kinds[issue.expected] ?? issue.expected}${exampleOf(issue, subject)}`
        : exampleOf(issue, subject);
  return { path: issue.path, message: 'this field is required', remedy: `Add ${fieldName(issue)}${what}` };
}

/** YAML reads 80 and true as what they look like; in quotes they may be all that was wanted. */
function needsQuotes(issue: Issue, value: unknown, subject: Subject): boolean {
  if (issue.code !== 'invalid_type' || (typeof value !== 'number' && typeof value !== 'boolean')) return false;
  return schemasAt(subject.schema, subject.value, issue.path).some(
    (schema) => z.safeParse(schema, String(value)).success,
  );
}

function unquoted(path: readonly PropertyKey[], value: unknown): Trouble {
  return { path, message: `${show(value)} is not a string`, remedy: `Put it in quotes: "${String(value)}"` };
}

function wrongType(expected: string, value: unknown, example: string) {
  const kind = kinds[expected] ?? expected;
  const message = `${show(value)} is not ${kind}`;
  const numeric = typeof value === 'string' && /^-?\d{1,15}$/.test(value);
  if (numeric && (expected === 'number' || expected === 'int')) {
    return { message, remedy: `Write ${Number(value)} without quotes` };
  }
  return { message, remedy: `Write ${kind}${example}` };
}

function wrongMember(values: readonly unknown[], value: unknown) {
  const words = values.filter((member) => typeof member === 'string');
  const near = typeof value === 'string' ? closest(value, words) : undefined;
  const meant = near === undefined || values.length === 1 ? '' : ` (did you mean ${show(near)}?)`;
  return { message: `${show(value)} is not an allowed value`, remedy: `Write ${choices(values)}${meant}` };
}

function outOfBounds(issue: z.core.$ZodIssueTooBig | z.core.$ZodIssueTooSmall, value: unknown) {
  const big = issue.code === 'too_big';
  const bound = String(big ? issue.maximum : issue.minimum);
  const strict = issue.inclusive === false;
  const word = strict ? (big ? 'less than' : 'more than') : big ? 'at most' : 'at least';
  if (typeof value === 'string') {
    const unit = bound === '1' ? 'character' : 'characters';
    const message = value === '' ? 'the text is empty' : `the text has ${value.length} characters`;
    return { message, remedy: `Write ${word} ${bound} ${unit}` };
  }
  if (Array.isArray(value)) {
    const message = value.length === 0 ? 'the list is empty' : `the list has ${value.length} entries`;
    return { message, remedy: `Write ${word} ${bound} ${bound === '1' ? 'entry' : 'entries'}` };
  }
  return { message: `${show(value)} is too ${big ? 'large' : 'small'}`, remedy: `Write a number of ${word} ${bound}` };
}

function formatDemand(issue: z.core.$ZodIssueInvalidStringFormat): string {
  // A regex without a message of its own says "Invalid string: must match pattern /…/".
  return issue.message.replace(/^Invalid [\w ]+: /, '').replace(/^Invalid (.+)$/, 'must be a valid $1');
}

/** `must be X` as a sentence about the value and as an instruction. */
function demanded(demand: string, value: unknown, example: string) {
  const text = demand.replace(/\.$/, '');
  // What follows a colon explains; what to do stands before it.
  const [wanted = text] = text.split(': ');
  const about = typeof value === 'object' ? 'it' : show(value);
  const message = /^(must|may|cannot|has|is|needs?)\b/.test(text) ? `${about} ${text}` : text;
  return { message, remedy: imperative(wanted, example) };
}

function imperative(demand: string, example: string): string {
  const [, negated, verb, rest] = /^must (not )?(\w+)( .*)?$/s.exec(demand) ?? [];
  const [, wanted] = /^(.+) must be set$/s.exec(demand) ?? [];
  if (wanted !== undefined) return `Set ${wanted}${example}`;
  if (verb === undefined) return `Change it${example === '' ? ' as the message says' : example}`;
  if (negated !== undefined)
    return `Do not let it ${verb}${rest ?? ''}${example.replace(/^, for example (.*)$/s, '; $1 would do')}`;
  if (verb === 'be') return `Write${rest ?? ''}${example}`;
  return `Make it ${verb}${rest ?? ''}${example}`;
}

/** A field of another variant of a union. */
function misplaced(path: readonly PropertyKey[], object: unknown): Trouble {
  const name = String(path.at(-1));
  const others = Object.keys(object ?? {}).filter((key) => key !== name);
  return {
    path,
    message: `"${visible(name)}" does not go together with ${choices(others, 5)}`,
    remedy: 'Remove one of them',
  };
}

function* unknownFields(issue: z.core.$ZodIssueUnrecognizedKeys, { schema, value }: Subject): Generator<Trouble> {
  const known = knownFields(schema, value, issue.path);
  for (const key of issue.keys) {
    if (known.includes(key)) {
      yield misplaced([...issue.path, key], valueAt(value, issue.path));
      continue;
    }
    const near = closest(key, known);
    const list =
      known.length === 0
        ? 'no field is allowed here'
        : `known fields are ${choices(known).replace(/ or (?=[^ ]+$)/, ' and ')}`;
    yield {
      path: [...issue.path, key],
      message: `unknown field "${visible(key)}"`,
      remedy: near === undefined ? `Remove it; ${list}` : `Write "${near}" instead; ${list}`,
    };
  }
}

/** A union tells most by the variant that came closest; without any, by the types that it takes. */
function* unionTroubles(issue: z.core.$ZodIssueInvalidUnion, subject: Subject): Generator<Trouble> {
  const value = valueAt(subject.value, issue.path);
  const options = (issue as { readonly options?: readonly unknown[] }).options;
  if (options !== undefined) {
    const required = { message: 'this field is required', remedy: `Add ${fieldName(issue)}: ${choices(options)}` };
    yield { path: issue.path, ...(value === undefined ? required : wrongMember(options, value)) };
    return;
  }
  const best = closestVariant(issue.errors);
  for (const one of best ?? []) yield* troubles({ ...one, path: [...issue.path, ...one.path] }, subject);
  if (best !== undefined) return;
  if (value === undefined) {
    yield missing(issue, subject);
    return;
  }
  const expected = issue.errors.flat().flatMap((one) => (isWhole(one) && 'expected' in one ? [one.expected] : []));
  const allowed = [...new Set(expected.map((kind) => kinds[kind] ?? kind))].join(' or ');
  yield {
    path: issue.path,
    message: `${show(value)} is not ${allowed}`,
    remedy: `Write ${allowed}${exampleOf(issue, subject)}`,
  };
}

function isWhole(issue: Issue): boolean {
  return issue.code === 'invalid_type' && issue.path.length === 0;
}

/** Not wrong as a whole, then right in its tags, then with the fewest issues. */
function closestVariant(errors: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  const wrongTags = (issues: readonly Issue[]) => issues.filter((one) => one.code === 'invalid_value').length;
  const [best] = errors
    .filter((issues) => !issues.some(isWhole))
    .toSorted((left, right) => wrongTags(left) - wrongTags(right) || left.length - right.length);
  return best?.map((one) => {
    if (one.code !== 'invalid_value') return one;
    // A tag that no variant takes: what each of them would have taken.
    const same = errors
      .flat()
      .filter((other) => other.code === 'invalid_value' && other.path.join() === one.path.join());
    return { ...one, values: [...new Set(same.flatMap((other) => ('values' in other ? other.values : [])))] };
  });
}
