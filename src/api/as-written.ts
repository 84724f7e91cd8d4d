/**
 * Whether zod would take a value and change nothing of it, as it does of nearly every object. Quicker to tell than zod's own
 * answer: zod asks after each field that could be there, and copies what it finds. No says nothing: zod knows why, and whether.
 */
import { z } from 'zod';

type AnySchema = z.core.$ZodType;
type Test = (value: unknown) => boolean;

export function isTakenAsWritten(schema: AnySchema, value: unknown): boolean {
  return testOf(schema)(value);
}

const tests = new WeakMap<AnySchema, Test>();

function testOf(schema: AnySchema): Test {
  const test = tests.get(schema) ?? checked(schema, shapeTest(schema));
  tests.set(schema, test);
  return test;
}

/** Without its checks: of objects, lists and most of what they are made of. Whatever else there is, zod answers for. */
function shapeTest(schema: AnySchema): Test | undefined {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  if (def.type === 'string' && !('format' in def) && def.coerce !== true) return isText;
  // Objects of other kinds drop fields that they do not know.
  if (def.type === 'object' && def.catchall?._zod.def.type === 'never') return objectTest(def.shape);
  if (def.type === 'array') return listTest(testOf(def.element));
  if (def.type === 'optional') return testOf(def.innerType);
  if (def.type === 'union' && !('inclusive' in def && !def.inclusive)) return firstTest(def.options);
  return undefined;
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

function objectTest(shape: Readonly<Record<string, AnySchema>>): Test {
  const fields = new Map(Object.entries(shape).map(([name, schema]) => [name, testOf(schema)]));
  const needed = Object.keys(shape).filter((name) => !mayBeAbsent(shape[name]));
  return (value) => {
    if (!isPlain(value) || !needed.every((name) => Object.hasOwn(value, name))) return false;
    for (const name in value) {
      const field = value[name];
      // A field that is there without a value is not the same as none.
      if (field === undefined || fields.get(name)?.(field) !== true) return false;
    }
    return true;
  };
}

function mayBeAbsent(schema: AnySchema | undefined): boolean {
  return schema?._zod.optin === 'optional' && schema._zod.optout === 'optional';
}

/** Nothing is inherited. */
function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function listTest(member: Test): Test {
  return (value) => {
    if (!Array.isArray(value)) return false;
    for (const one of value) if (!member(one)) return false;
    return true;
  };
}

/** Of the first that takes it. */
function firstTest(options: readonly AnySchema[]): Test {
  return (value) => {
    const first = options.find((option) => testOf(option)(value) || z.safeParse(option, value).success);
    return first !== undefined && testOf(first)(value);
  };
}

function checked(schema: AnySchema, shape: Test | undefined): Test {
  if (shape === undefined) return (value) => isUnchanged(z.safeParse(schema, value), value);
  const checks = (schema as z.core.$ZodTypes)._zod.def.checks ?? [];
  return checks.length === 0 ? shape : (value) => shape(value) && checks.every((check) => passes(check, value));
}

function isUnchanged({ success, data }: z.ZodSafeParseResult<unknown>, value: unknown): boolean {
  return success && data === value;
}

function passes({ _zod: check }: z.core.$ZodCheck, value: unknown): boolean {
  const payload = { value, issues: [] } as unknown as z.core.ParsePayload<never>;
  if (check.def.when?.(payload) === false) return true;
  return !(check.check(payload) instanceof Promise) && payload.issues.length === 0 && payload.value === value;
}
