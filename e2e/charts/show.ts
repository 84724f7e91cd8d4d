/** What a chart became, as goldens show it: rights by the name that files/rights.yaml has for them, and no version. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import type { PolicyRule } from '../../src/controllers/operator/permissions.ts';
import type { KubeObject } from '../../src/kube/object.ts';
import { evengateVersion } from '../../src/version.ts';
import { charts } from './helm.ts';

export type Rights = Readonly<Record<string, readonly PolicyRule[]>>;

/** `enrolment.watched` for one within another. */
export function rightsFile(): Rights {
  const file = parse(readFileSync(join(charts.operator, 'files/rights.yaml'), 'utf8')) as Readonly<
    Record<string, readonly PolicyRule[] | Rights>
  >;
  const flat = Object.entries(file).flatMap(([name, rules]): readonly (readonly [string, readonly PolicyRule[]])[] => {
    if (Array.isArray(rules)) return [[name, rules as readonly PolicyRule[]]];
    return Object.entries(rules as Rights).map(([part, some]) => [`${name}.${part}`, some] as const);
  });
  return Object.fromEntries(flat);
}

export function shown(objects: readonly KubeObject[]): string {
  const named = new Map(
    Object.entries(rightsFile()).flatMap(([name, rules]) => rules.map((rule) => [key(rule), name])),
  );
  const texts = objects.map((object) => stringify(withNamedRules(object, named), { lineWidth: 0 }));
  return texts.join('---\n').replaceAll(evengateVersion(), 'VERSION');
}

/** Rules that nothing names stay as they are. */
function withNamedRules(object: KubeObject, named: ReadonlyMap<string | undefined, string | undefined>): object {
  const { rules } = object as { readonly rules?: readonly PolicyRule[] };
  if (rules === undefined) return object;
  return { ...object, rules: [...new Set(rules.map((rule) => named.get(key(rule)) ?? rule))] };
}

function key({ apiGroups, resources, resourceNames, verbs }: PolicyRule): string {
  return JSON.stringify([apiGroups, resources, resourceNames, verbs]);
}
