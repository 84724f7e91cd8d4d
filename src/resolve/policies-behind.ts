/** The policies on the Services that a rule sends to. */
import type { Backend } from '../ir/gateway.ts';
import type { Policy } from '../ir/guard.ts';
import { keyOf } from '../kube/object.ts';
import type { Finding } from '../status/finding.ts';
import { joined } from './lists.ts';
import type { Look } from './memo.ts';
import { unknownSection } from './policies-on.ts';
import { bySection } from './policy-index.ts';
import { sectionNames } from './sections.ts';
import type { PolicyWorld } from './world.ts';

export interface Behind {
  /** Of all Services, each once; by the order of the backends, then by name. */
  readonly policies: readonly Policy[];
  /** Whether each Service has one that opens: where one has none, the rule would be open to it by another's. */
  readonly cover: boolean;
  /** A policy that names no port of its Service: all of that Service is blocked. */
  readonly blocked: Finding | undefined;
}

export const nothingBehind: Behind = { policies: [], cover: false, blocked: undefined };

/** Refuses or admits by itself; deny lists and what is only counted open nothing. */
export function opens({ mode, opens: says }: Policy): boolean {
  return mode === 'Enforce' && says;
}

/** `namespace` is that of the Route, whose policies without readable targets are on its path anyway. */
export function policiesBehind(backends: readonly Backend[], namespace: string, look: Look<PolicyWorld>): Behind {
  const found = backends.map((backend) => policiesOnBackend(backend, namespace, look));
  if (found.every(({ policies, blocked }) => policies.length === 0 && blocked === undefined)) return nothingBehind;
  return {
    policies: [...new Set(joined(found.map(({ policies }) => policies)))],
    cover: found.every(({ policies }) => policies.some(opens)),
    blocked: found.find(({ blocked }) => blocked)?.blocked,
  };
}

function policiesOnBackend(
  { namespace, service, port }: Backend,
  own: string,
  look: Look<PolicyWorld>,
): Pick<Behind, 'policies' | 'blocked'> {
  const key = keyOf(namespace, service);
  const targets = [...(namespace === own ? [] : [`Namespace ${namespace}`]), `Service ${key}`];
  const attached = joined(targets.map((target) => look.get('authOn', target) ?? []));
  if (attached.length === 0) return nothingBehind;
  const object = look.get('Service', key);
  const names = object === undefined ? [] : sectionNames(object);
  const { whole, sections, unknown } = bySection(attached, names);
  const name = object?.spec?.ports?.find((one) => one.port === port)?.name;
  const [lost] = unknown;
  return {
    policies: joined([whole, name === undefined ? [] : (sections.get(name) ?? [])]),
    blocked:
      lost === undefined ? undefined : unknownSection(lost, { kind: 'Service', namespace, name: service }, names),
  };
}
