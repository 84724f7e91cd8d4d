/**
 * Reads the validation rules in Envoy's descriptors (protoc-gen-validate, `validate.rules`) into checks of one value.
 * Wording and meaning are those of PGV's C++ templates, which Envoy runs on every configuration that it loads.
 */
import type { DescField } from '@bufbuild/protobuf';
import { isReflectMessage, type ReflectList, type ReflectMessage } from '@bufbuild/protobuf/reflect';
import { RE2JS } from 're2js';

/** What is wrong with a value of the field's type (see `comparable`), or undefined. */
export type Check = (value: unknown) => string | undefined;

export interface Rules {
  /** A message (also Any and Duration) must be present. */
  readonly required: boolean;
  /** `message.skip`: Envoy does not look inside. */
  readonly skip: boolean;
  readonly ignoreEmpty: boolean;
  readonly checks: readonly Check[];
  /** Rules for each item of a list and each key of a map. */
  readonly items?: Rules;
  readonly keys?: Rules;
}

export const noRules: Rules = { required: false, skip: false, ignoreEmpty: false, checks: [] };

/** What one kind of rules (`string`, `uint32`, …) may say: how each setting reads. */
type Readers = Readonly<Record<string, (limit: unknown, context: Context) => Partial<Rules>>>;

interface Context {
  readonly settings: ReadonlyMap<string, unknown>;
  readonly field: DescField;
}

/** `rules` is a validate.FieldRules. Throws on a rule of a kind that this file does not know: it must then learn it. */
export function compileRules(rules: ReflectMessage, field: DescField): Rules {
  let compiled = noRules;
  for (const [kind, kindRules] of settingsOf(rules)) {
    const readers = kinds[kind];
    if (readers === undefined || !isReflectMessage(kindRules)) throw unknownRule(kind, field);
    compiled = merge(compiled, compileKind(readers, { settings: settingsOf(kindRules), field }));
  }
  return compiled;
}

function compileKind(readers: Readers, context: Context): Rules {
  let compiled = noRules;
  for (const [name, limit] of context.settings) {
    const read = readers[name];
    if (read === undefined) throw unknownRule(name, context.field);
    compiled = merge(compiled, read(limit, context));
  }
  return compiled;
}

function merge(rules: Rules, more: Partial<Rules>): Rules {
  return {
    ...rules,
    ...more,
    required: rules.required || more.required === true,
    skip: rules.skip || more.skip === true,
    ignoreEmpty: rules.ignoreEmpty || more.ignoreEmpty === true,
    checks: [...rules.checks, ...(more.checks ?? [])],
  };
}

function unknownRule(name: string, field: DescField): Error {
  return new Error(`cannot interpret the validation rule '${name}' of ${field.parent.typeName}.${field.name}`);
}

function settingsOf(rules: ReflectMessage): ReadonlyMap<string, unknown> {
  return new Map(rules.fields.filter((field) => rules.isSet(field)).map((field) => [field.name, rules.get(field)]));
}

/** Numbers as they are, durations and other limits as what `comparable` makes of them. */
type Comparable = number | bigint;

const nanosPerSecond = 1_000_000_000n;

/** A Duration as nanoseconds, the value inside a wrapper such as UInt32Value, anything else as it is. */
export function comparable(value: unknown): unknown {
  if (!isReflectMessage(value)) return value;
  const { typeName } = value.desc;
  if (typeName === 'google.protobuf.Duration') {
    const [seconds, nanos] = value.fields.map((field) => value.get(field));
    return BigInt(Number(seconds)) * nanosPerSecond + BigInt(Number(nanos));
  }
  const inner = value.fields[0];
  return /^google\.protobuf\.\w+Value$/.test(typeName) && inner !== undefined ? value.get(inner) : value;
}

function seconds(nanos: Comparable): string {
  return `${Number(nanos) / Number(nanosPerSecond)}s`;
}

function check(holds: (value: never) => boolean, problem: string): Partial<Rules> {
  return { checks: [(value) => (holds(value as never) ? undefined : problem)] };
}

function isComparable(value: unknown): value is Comparable {
  return typeof value === 'number' || typeof value === 'bigint';
}

const bounds: Readonly<Record<string, { words: string; holds: (value: Comparable, limit: Comparable) => boolean }>> = {
  gt: { words: 'greater than', holds: (value, limit) => value > limit },
  gte: { words: 'greater than or equal to', holds: (value, limit) => value >= limit },
  lt: { words: 'less than', holds: (value, limit) => value < limit },
  lte: { words: 'less than or equal to', holds: (value, limit) => value <= limit },
};

/** PGV reads a lower bound above the upper one as "outside": `lte: 0s, gte: 1ms` is zero, or a millisecond and more. */
function range(show: (limit: Comparable) => string): Readers {
  const read = (_: unknown, { settings, field }: Context): Partial<Rules> => {
    const stated = Object.keys(bounds).flatMap((name) => boundOf(name, settings, show));
    const [first, second] = stated;
    if (first === undefined || stated.length > 2) throw unknownRule('range', field);
    const isOutside = second !== undefined && first.limit > second.limit;
    const holds = (value: Comparable) =>
      isOutside ? stated.some((bound) => bound.holds(value)) : stated.every((bound) => bound.holds(value));
    return check(holds, `value must be ${stated.map((bound) => bound.words).join(isOutside ? ' or ' : ' and ')}`);
  };
  // Both bounds are one check, made by the first that is stated.
  const readFirst = (names: readonly string[]) => (limit: unknown, context: Context) =>
    names.some((name) => context.settings.has(name)) ? {} : read(limit, context);
  return { gt: read, gte: read, lt: readFirst(['gt', 'gte']), lte: readFirst(['gt', 'gte']) };
}

function boundOf(name: string, settings: ReadonlyMap<string, unknown>, show: (limit: Comparable) => string) {
  const limit = comparable(settings.get(name));
  const bound = bounds[name];
  if (!isComparable(limit) || bound === undefined) return [];
  return [{ limit, words: `${bound.words} ${show(limit)}`, holds: (value: Comparable) => bound.holds(value, limit) }];
}

const required = (limit: unknown): Partial<Rules> => ({ required: limit === true });
const ignoreEmpty = (limit: unknown): Partial<Rules> => ({ ignoreEmpty: limit === true });
const numbers: Readers = { ...range(String), ignore_empty: ignoreEmpty };

/** Source: protoc-gen-validate module/checker.go. */
const headerPatterns = {
  name: "^:?[0-9a-zA-Z!#$%&'*+-.^_|~\\x60]+$",
  value: '^[^\\x00-\\x08\\x0A-\\x1F\\x7F]*$',
  loose: '^[^\\x00\\x0A\\x0D]*$',
};

function matches(pattern: string, problem: string): Partial<Rules> {
  const regex = RE2JS.compile(pattern);
  return check((value: string) => regex.matches(value), problem);
}

function headerPattern(kind: unknown, { settings, field }: Context): Partial<Rules> {
  // KnownRegex: HTTP_HEADER_NAME = 1, HTTP_HEADER_VALUE = 2.
  const strict = kind === 1 ? headerPatterns.name : kind === 2 ? headerPatterns.value : undefined;
  if (strict === undefined) throw unknownRule('well_known_regex', field);
  const what = kind === 1 ? 'name' : 'value';
  return settings.get('strict') === false
    ? matches(headerPatterns.loose, `value must be an HTTP header ${what} (no NUL, CR or LF)`)
    : matches(strict, `value must be an HTTP header ${what}`);
}

/** A minimum and a maximum of a size; `words` holds the number as `#`. */
function atLeast<Value>(size: (value: Value) => number, words: string) {
  return (limit: unknown): Partial<Rules> =>
    check((value: Value) => size(value) >= Number(limit), `value ${words.replace('#', `at least ${Number(limit)}`)}`);
}

function atMost<Value>(size: (value: Value) => number, words: string) {
  return (limit: unknown): Partial<Rules> =>
    check((value: Value) => size(value) <= Number(limit), `value ${words.replace('#', `at most ${Number(limit)}`)}`);
}

const codePoints = (value: string): number => Array.from(value).length;
const itemCount = (value: ReflectList): number => value.size;
const pairCount = (value: ReadonlyMap<unknown, unknown>): number => value.size;
const byteCount = (value: Uint8Array): number => value.length;

const strings: Readers = {
  min_len: atLeast(codePoints, 'length must be # characters'),
  max_len: atMost(codePoints, 'length must be # characters'),
  max_bytes: atMost((value: string) => Buffer.byteLength(value), 'length must be # bytes'),
  prefix: (limit) =>
    check((value: string) => value.startsWith(String(limit)), `value must start with ${String(limit)}`),
  suffix: (limit) => check((value: string) => value.endsWith(String(limit)), `value must end with ${String(limit)}`),
  in: (limit) => {
    const allowed = [...(limit as ReflectList<string>)];
    return check((value: string) => allowed.includes(value), `value must be one of ${allowed.join(', ')}`);
  },
  pattern: (limit) => matches(String(limit), `value does not match regex ${String(limit)}`),
  well_known_regex: headerPattern,
  strict: () => ({}), // read by well_known_regex
  ignore_empty: ignoreEmpty,
};

const enums: Readers = {
  defined_only: (limit, { field }) =>
    limit === true
      ? check((value: number) => field.enum?.value[value] !== undefined, 'value must be one of the defined enum values')
      : {},
  not_in: (limit, { field }) => {
    const refused = [...(limit as ReflectList<number>)];
    const names = refused.map((value) => field.enum?.value[value]?.name ?? value);
    return check((value: number) => !refused.includes(value), `value must not be ${names.join(' or ')}`);
  },
};

const lists: Readers = {
  min_items: atLeast(itemCount, 'must contain # item(s)'),
  max_items: atMost(itemCount, 'must contain # item(s)'),
  unique: (limit) =>
    limit === true
      ? check((value: ReflectList) => new Set(value).size === value.size, 'value must contain unique items')
      : {},
  items: (limit, { field }) => ({ items: compileRules(limit as ReflectMessage, field) }),
};

/** By the field names of validate.FieldRules; only what occurs in Envoy's API. */
const kinds: Readonly<Record<string, Readers>> = {
  string: strings,
  bytes: {
    min_len: atLeast(byteCount, 'length must be # bytes'),
    max_len: atMost(byteCount, 'length must be # bytes'),
  },
  bool: { const: (limit) => check((value: boolean) => value === limit, `value must equal ${String(limit)}`) },
  enum: enums,
  double: numbers,
  int32: numbers,
  int64: numbers,
  uint32: numbers,
  uint64: numbers,
  duration: { ...range(seconds), required },
  repeated: lists,
  map: {
    min_pairs: atLeast(pairCount, 'must contain # pair(s)'),
    keys: (limit, { field }) => ({ keys: compileRules(limit as ReflectMessage, field) }),
  },
  message: { required, skip: (limit) => ({ skip: limit === true }) },
  any: { required },
};
