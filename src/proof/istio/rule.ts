/** One rule of an AuthorizationPolicy at a sidecar or a waypoint, also one that Istio's webhook would have refused. */

import type { Condition, Operation, Rule, Source } from '../../istio/security.ts';
import { type Answer, type Asked, type Question, questionOf } from './attributes.ts';

export interface Field {
  readonly key: string;
  readonly values: readonly string[];
  readonly notValues: readonly string[];
}

const sourceKeys = {
  principals: 'source.principal',
  requestPrincipals: 'request.auth.principal',
  namespaces: 'source.namespace',
  serviceAccounts: 'source.serviceAccount',
  trustDomains: 'source.trustDomain',
  ipBlocks: 'source.ip',
  remoteIpBlocks: 'remote.ip',
} as const;

const operationKeys = { hosts: 'hosts', methods: 'methods', paths: 'paths', ports: 'destination.port' } as const;

export function sourceFields(source: Source): readonly Field[] {
  return fieldsOf(source, sourceKeys);
}

export function operationFields(operation: Operation): readonly Field[] {
  return fieldsOf(operation, operationKeys);
}

function fieldsOf(written: object, keys: Readonly<Record<string, string>>): readonly Field[] {
  const lists = new Map<string, readonly string[]>(Object.entries(written));
  return Object.entries(keys).map(([name, key]) => ({
    key,
    values: lists.get(name) ?? [],
    notValues: lists.get(`not${name.charAt(0).toUpperCase()}${name.slice(1)}`) ?? [],
  }));
}

/**
 * Some `from`, some `to` and every `when`. An unknown key drops the rule. A value that Istio cannot read drops the rule of an
 * ALLOW, and of a DENY only itself: the condition too, when it was its last.
 */
export function ruleMatches(rule: Rule, action: 'ALLOW' | 'DENY', asked: Asked): boolean {
  const from = (rule.from ?? []).map(({ source }) => sourceFields(source));
  const to = (rule.to ?? []).map(({ operation }) => operationFields(operation));
  const when = (rule.when ?? []).map(conditionField);
  const all = [...from, ...to, when].flat();
  if (when.some(({ key }) => questionOf(key) === undefined)) return false;
  if (action === 'ALLOW' && all.some((field) => isUnreadable(field, asked))) return false;
  const holds = (fields: readonly Field[]) => fields.every((field) => fieldHolds(field, asked));
  return holds(when) && (from.length === 0 || from.some(holds)) && (to.length === 0 || to.some(holds));
}

export function conditionField({ key, values, notValues }: Condition): Field {
  return { key, values: values ?? [], notValues: notValues ?? [] };
}

function isUnreadable(field: Field, asked: Asked): boolean {
  const question = questionOf(field.key);
  return [...field.values, ...field.notValues].some((text) => question?.(text, asked) === 'invalid');
}

function fieldHolds({ key, values, notValues }: Field, asked: Asked): boolean {
  const question = questionOf(key);
  if (question === undefined) return false;
  const wanted = answers(values, question, asked);
  return (wanted.length === 0 || wanted.includes(true)) && !answers(notValues, question, asked).includes(true);
}

function answers(texts: readonly string[], question: Question, asked: Asked): readonly Answer[] {
  return texts.map((text) => question(text, asked)).filter((answer) => answer !== 'invalid');
}
