/** Walks a message, also into Any, and reports every value that breaks a validation rule of Envoy's API. */
import type { DescEnum, DescExtension, DescField, DescOneof, Message, Registry } from '@bufbuild/protobuf';
import { getOption, hasOption } from '@bufbuild/protobuf';
import {
  isReflectMessage,
  type ReflectList,
  type ReflectMap,
  type ReflectMessage,
  reflect,
} from '@bufbuild/protobuf/reflect';
import { type Any, anyUnpack, FeatureSet_FieldPresence } from '@bufbuild/protobuf/wkt';
import { comparable, compileRules, noRules, type Rules } from './envoy-api-rules.ts';
import type { Report } from './envoy-api-shape.ts';

/** What Envoy demands of each field and oneof; those without demands are absent. */
export interface AllRules {
  readonly fields: ReadonlyMap<DescField, Rules>;
  readonly requiredOneofs: ReadonlySet<DescOneof>;
  /** Deprecated so long that Envoy refuses a configuration that sets them, unless a runtime key says otherwise. */
  readonly refusedFields: ReadonlySet<DescField>;
}

export interface Walk {
  readonly registry: Registry;
  readonly rules: AllRules;
  readonly report: Report;
}

/** Throws on a rule of an unknown kind, so that a new Envoy's rules are never skipped unseen. */
export function compileAllRules(registry: Registry): AllRules {
  const options = optionReader(registry);
  const fields = new Map<DescField, Rules>();
  const requiredOneofs = new Set<DescOneof>();
  const refusedFields = new Set<DescField>();
  for (const type of registry) {
    if (type.kind !== 'message') continue;
    for (const oneof of type.oneofs) if (options.isRequired(oneof)) requiredOneofs.add(oneof);
    for (const field of type.fields) {
      const rules = options.rulesOf(field);
      if (rules !== noRules) fields.set(field, rules);
      if (options.isRefused(field)) refusedFields.add(field);
    }
  }
  return { fields, requiredOneofs, refusedFields };
}

function optionReader(registry: Registry) {
  const extension = (name: string): DescExtension => {
    const found = registry.getExtension(name);
    if (found === undefined) throw new Error(`the descriptor set lacks ${name}`);
    return found;
  };
  const rules = extension('validate.rules');
  const required = extension('validate.required');
  const refused = extension('envoy.annotations.disallowed_by_default');
  const refusedValue = extension('envoy.annotations.disallowed_by_default_enum');
  const rulesType = rules.message;
  if (rulesType === undefined) throw new Error('validate.rules is not a message');
  const refusedValues = (type: DescEnum) => type.values.filter((value) => hasOption(value, refusedValue));
  return {
    isRequired: (oneof: DescOneof) => hasOption(oneof, required),
    isRefused: (field: DescField) => hasOption(field, refused),
    rulesOf: (field: DescField): Rules => {
      const stated = hasOption(field, rules)
        ? compileRules(reflect(rulesType, getOption(field, rules) as Message), field)
        : noRules;
      const values = field.enum === undefined ? [] : refusedValues(field.enum);
      if (values.length === 0) return stated;
      const isRefused = (given: unknown) => values.some((value) => value.number === given);
      const problem = `Envoy refuses the deprecated value ${values.map((value) => value.name).join(' or ')}`;
      return { ...stated, checks: [...stated.checks, (given) => (isRefused(given) ? problem : undefined)] };
    },
  };
}

/** `message` has the shape of its type (see envoy-api-shape.ts). */
export function checkRules(walk: Walk, message: ReflectMessage, path: string): void {
  for (const oneof of message.oneofs) {
    if (!walk.rules.requiredOneofs.has(oneof) || message.oneofCase(oneof) !== undefined) continue;
    walk.report(path, `one of ${oneof.fields.map((field) => field.name).join(', ')} is required`);
  }
  for (const field of message.fields) checkField(walk, message, field, `${path}.${field.name}`);
}

function checkField(walk: Walk, message: ReflectMessage, field: DescField, path: string): void {
  const rules = walk.rules.fields.get(field) ?? noRules;
  const isSet = message.isSet(field);
  // The members of a oneof are required only where they are chosen.
  if (rules.required && !isSet && field.oneof === undefined) walk.report(path, 'value is required');
  if (isSet && walk.rules.refusedFields.has(field)) walk.report(path, 'Envoy refuses this deprecated field');
  // Without presence an absent value is the zero value, and Envoy holds it to the rules.
  if (!isSet && (rules.ignoreEmpty || field.presence !== FeatureSet_FieldPresence.IMPLICIT)) return;
  const value: unknown = message.get(field);
  checkValue(walk, value, rules, path);
  if (field.fieldKind === 'list') {
    for (const [index, item] of (value as ReflectList).entries()) {
      checkValue(walk, item, rules.items ?? noRules, `${path}[${index}]`);
    }
  } else if (field.fieldKind === 'map') {
    for (const [key, item] of value as ReflectMap) {
      const place = `${path}[${JSON.stringify(String(key))}]`;
      checkValue(walk, key, rules.keys ?? noRules, place);
      checkValue(walk, item, noRules, place);
    }
  }
}

function checkValue(walk: Walk, value: unknown, rules: Rules, path: string): void {
  const given = comparable(value);
  const problems = rules.checks.map((check) => check(given)).filter((problem) => problem !== undefined);
  // No rule says so of most durations, but Envoy refuses each negative one when it reads it.
  if (problems.length === 0 && isDuration(value) && Number(given) < 0)
    problems.push('Envoy refuses a negative duration');
  for (const problem of problems) walk.report(path, problem);
  if (!isReflectMessage(value) || rules.skip) return;
  const { typeName } = value.desc;
  if (typeName === 'google.protobuf.Any') {
    checkAnyRules(walk, value.message as Any, path);
    return;
  }
  // Well-known types have no rules of their own, and some are not held as messages.
  if (!typeName.startsWith('google.protobuf.')) checkRules(walk, value, path);
}

function isDuration(value: unknown): boolean {
  return isReflectMessage(value) && value.desc.typeName === 'google.protobuf.Duration';
}

function checkAnyRules(walk: Walk, any: Any, path: string): void {
  const message = anyUnpack(any, walk.registry);
  const type = message === undefined ? undefined : walk.registry.getMessage(message.$typeName);
  if (message !== undefined && type !== undefined) checkRules(walk, reflect(type, message), path);
}
