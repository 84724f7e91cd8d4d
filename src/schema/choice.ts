/** Demands on which fields of an object are set: each as a refinement with its remedy, and as CEL for the API server. */
import type { z } from 'zod';
import type { CelRule } from './json-schema.ts';

type Fields = Readonly<Record<string, unknown>>;

/** A demand on the object; `path` is the field that it is about, if it is about one. */
interface Demand extends CelRule {
  readonly path?: string;
  /** What is wrong with the value, if anything. */
  readonly problem: (fields: Fields) => { readonly message: string; readonly remedy: string } | undefined;
}

function demanding<T extends z.ZodType<object>>(schema: T, demands: readonly Demand[]): T {
  const earlier = (schema.meta()?.['x-kubernetes-validations'] ?? []) as readonly CelRule[];
  const rules = demands.map(({ rule, message }) => ({ rule, message }));
  const checked = demands.reduce<T>(
    (all, { path, problem }) =>
      all.superRefine((value, context) => {
        const found = problem(value as Fields);
        if (found === undefined) return;
        const { message, remedy } = found;
        context.addIssue({ code: 'custom', path: path === undefined ? [] : [path], message, params: { remedy } });
      }),
    schema,
  );
  return checked.meta({ 'x-kubernetes-validations': [...earlier, ...rules] });
}

/** Exactly one of the named fields. */
export function exactlyOne<T extends z.ZodType<object>>(schema: T, names: readonly string[]): T {
  const message = `exactly one of ${list(names, 'and')} must be set`;
  const problem = (fields: Fields) => {
    const set = names.filter((name) => fields[name] !== undefined);
    if (set.length === 1) return undefined;
    if (set.length === 0) return { message, remedy: `Add ${list(names, 'or')}` };
    return { message: `${message}, but ${list(set, 'and')} are`, remedy: `Keep one of ${list(set, 'and')}` };
  };
  const present = names.map((name) => `has(self.${name})`).join(', ');
  return demanding(schema, [{ rule: `[${present}].filter(x, x).size() == 1`, message, problem }]);
}

/** At least one of the named fields. */
export function atLeastOne<T extends z.ZodType<object>>(schema: T, names: readonly string[]): T {
  const message = `at least one of ${list(names, 'and')} must be set`;
  const problem = (fields: Fields) =>
    names.some((name) => fields[name] !== undefined) ? undefined : { message, remedy: `Add ${list(names, 'or')}` };
  return demanding(schema, [{ rule: names.map((name) => `has(self.${name})`).join(' || '), message, problem }]);
}

/** Not both of the named fields. */
export function notBoth<T extends z.ZodType<object>>(schema: T, [one, other]: readonly [string, string]): T {
  const message = `${one} and ${other} exclude each other`;
  return demanding(schema, [
    {
      rule: `!has(self.${one}) || !has(self.${other})`,
      message,
      problem: (fields) =>
        fields[one] === undefined || fields[other] === undefined
          ? undefined
          : { message, remedy: `Keep one of ${list([one, other], 'and')}` },
    },
  ]);
}

/** The number in the field `lower` is at most the one in `upper`, where both are set. */
export function notAbove<T extends z.ZodType<object>>(schema: T, [lower, upper]: readonly [string, string]): T {
  const message = `must be at most ${upper}`;
  return demanding(schema, [
    {
      path: lower,
      rule: `!has(self.${lower}) || !has(self.${upper}) || self.${lower} <= self.${upper}`,
      message: `${lower} ${message}`,
      problem: (fields) =>
        Number(fields[lower]) > Number(fields[upper]) ? { message, remedy: `Write at most ${upper}` } : undefined,
    },
  ]);
}

/** The named fields do not go with certain values of the optional field `tag`, which is `fallback` when absent. */
export function notWith<T extends z.ZodType<object>>(
  schema: T,
  names: readonly string[],
  { tag, fallback, values }: { readonly tag: string; readonly fallback: string; readonly values: readonly string[] },
): T {
  const tagged = values.map((value) => `self.${tag} == '${value}'`).join(' || ');
  const wrong = `(has(self.${tag}) && (${tagged}))${values.includes(fallback) ? ` || !has(self.${tag})` : ''}`;
  return demanding(
    schema,
    names.map((name): Demand => {
      const message = `does not go with ${tag}: ${list(values, 'or')}`;
      return {
        path: name,
        rule: `!has(self.${name}) || !(${wrong})`,
        message: `${name} ${message}`,
        problem: ({ [name]: value, [tag]: chosen = fallback }) =>
          value === undefined || !values.includes(String(chosen))
            ? undefined
            : {
                message: typeof value === 'object' ? `${name} ${message}` : message,
                remedy: `Remove it, or write another ${tag}`,
              },
      };
    }),
  );
}

/** The field `name` is there with certain values of the optional field `tag`, and only with them. */
export function onlyWith<T extends z.ZodType<object>>(schema: T, name: string, [tag, ...values]: readonly string[]): T {
  const wanted = `${tag}: ${list(values, 'or')}`;
  const chosen = (fields: Fields) => values.some((value) => fields[tag ?? ''] === value);
  const present = `has(self.${tag}) && (${values.map((value) => `self.${tag} == '${value}'`).join(' || ')})`;
  const missing = `${name} must be set with ${wanted}`;
  const extra = `${name} goes only with ${wanted}`;
  return demanding(schema, [
    {
      path: name,
      rule: `!(${present}) || has(self.${name})`,
      message: missing,
      problem: (fields) =>
        chosen(fields) && fields[name] === undefined ? { message: missing, remedy: `Add ${name}` } : undefined,
    },
    {
      path: name,
      rule: `(${present}) || !has(self.${name})`,
      message: extra,
      problem: (fields) =>
        !chosen(fields) && fields[name] !== undefined
          ? { message: extra, remedy: `Remove it, or write ${wanted}` }
          : undefined,
    },
  ]);
}

/** The named fields go only beside `companion`: without it they would be accepted and do nothing. */
export function onlyBeside<T extends z.ZodType<object>>(schema: T, names: readonly string[], companion: string): T {
  return demanding(
    schema,
    names.map((name): Demand => {
      const message = `${name} goes only with ${companion}`;
      return {
        path: name,
        rule: `!has(self.${name}) || has(self.${companion})`,
        message,
        problem: (fields) =>
          fields[name] !== undefined && fields[companion] === undefined ? { message, remedy: 'Remove it' } : undefined,
      };
    }),
  );
}

function list(words: readonly string[], conjunction: 'and' | 'or'): string {
  const last = words.at(-1) ?? '';
  return words.length < 2 ? last : `${words.slice(0, -1).join(', ')} ${conjunction} ${last}`;
}
