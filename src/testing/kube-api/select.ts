/** Label and field selectors as a list or watch carries them in its query. */
import { objectAt, textAt } from './json.ts';
import { badRequest } from './refusal.ts';
import type { Stored } from './stored.ts';
import type { ServedType } from './types.ts';

export type Predicate = (object: Stored) => boolean;

type Labels = Readonly<Record<string, unknown>>;

/** Throws the API server's 400 for a selector that it would refuse. */
export function labelPredicate(selector: string): Predicate {
  const requirements = split(selector).map(requirement);
  return (object) => requirements.every((holds) => holds(objectAt(object, 'metadata', 'labels')));
}

/** At commas outside of parentheses. */
function split(selector: string): readonly string[] {
  const parts = selector.split(/,(?![^(]*\))/).map((part) => part.trim());
  return parts.filter((part) => part !== '');
}

function requirement(text: string): (labels: Labels) => boolean {
  const set = /^(\S+)\s+(in|notin)\s*\(([^)]*)\)$/.exec(text);
  if (set !== null) {
    const [, key = '', operator, list = ''] = set;
    const values = list.split(',').map((value) => value.trim());
    const within = (labels: Labels) => typeof labels[key] === 'string' && values.includes(labels[key]);
    return operator === 'in' ? within : (labels) => !within(labels);
  }
  const pair = /^([^!=\s]+)\s*(==|=|!=)\s*([^!=\s]*)$/.exec(text);
  if (pair !== null) {
    const [, key = '', operator, value] = pair;
    return operator === '!=' ? (labels) => labels[key] !== value : (labels) => labels[key] === value;
  }
  const existence = /^(!?)\s*([\w./-]+)$/.exec(text);
  if (existence === null) throw badRequest(`unable to parse requirement: found '${text}'`);
  const [, not, key = ''] = existence;
  return (labels) => key in labels !== (not === '!');
}

const fieldsOfKind: Readonly<Record<string, readonly string[]>> = {
  Pod: ['spec.nodeName', 'spec.serviceAccountName', 'spec.restartPolicy', 'status.phase', 'status.podIP'],
  Secret: ['type'],
  Service: ['spec.clusterIP', 'spec.type'],
  Namespace: ['status.phase'],
  Event: ['reason', 'type', 'regarding.kind', 'regarding.name', 'regarding.namespace', 'regarding.uid'],
};

function quoted(names: readonly string[]): string {
  return names.map((name) => JSON.stringify(name)).join(', ');
}

/** Only the fields that the API server indexes for the type. */
export function fieldPredicate(type: ServedType, selector: string): Predicate {
  const known = [
    'metadata.name',
    ...(type.namespaced ? ['metadata.namespace'] : []),
    ...(fieldsOfKind[type.kind] ?? []),
  ];
  const tests = split(selector).map((text): Predicate => {
    const [, field = '', operator, value = ''] = /^([^!=]+)(==|=|!=)(.*)$/.exec(text) ?? [];
    if (operator === undefined) throw badRequest(`invalid selector: '${text}'; can't understand '${text}'`);
    if (!known.includes(field)) throw badRequest(`"${field}" is not a known field selector: only ${quoted(known)}`);
    const path = field.split('.');
    return (object) => (textAt(object, ...path) === value) === (operator !== '!=');
  });
  return (object) => tests.every((holds) => holds(object));
}

export interface Selection {
  readonly type: ServedType;
  readonly namespace: string;
  readonly query: URLSearchParams;
}

/** What a list or watch shows: its namespace and both selectors. */
export function selects({ type, namespace, query }: Selection): Predicate {
  const byLabels = labelPredicate(query.get('labelSelector') ?? '');
  const byFields = fieldPredicate(type, query.get('fieldSelector') ?? '');
  return (object) =>
    (namespace === '' || object.metadata.namespace === namespace) && byLabels(object) && byFields(object);
}
