/** The state of the server without what differs from run to run, to compare two runs. */
import { isList, isObject, type Json } from './json.ts';
import type { Stored } from './stored.ts';

const volatile = ['resourceVersion', 'managedFields', 'creationTimestamp', 'generation'];
const times = /^(last\w*Time|\w*Timestamp|renewTime|acquireTime|eventTime)$/;

/** `Route shop/orders` -> the object: uids are names, times are masked, observedGeneration says whether it is current. */
export function dump(objects: readonly Stored[]): Readonly<Record<string, Json>> {
  const names = new Map(objects.map((object) => [object.metadata.uid, describe(object)]));
  const entries = objects.map((object) => [describe(object), normalized(object, object, names)] as const);
  return Object.fromEntries(entries.sort(([left], [right]) => (left < right ? -1 : 1)));
}

function describe({ kind, metadata: { namespace, name } }: Stored): string {
  return namespace === undefined ? `${kind} ${name}` : `${kind} ${namespace}/${name}`;
}

function normalized(value: Json, object: Stored, names: ReadonlyMap<string, string>): Json {
  if (isList(value)) return value.map((item) => normalized(item, object, names));
  if (!isObject(value)) return typeof value === 'string' ? (names.get(value) ?? value) : value;
  const hidden = value === object.metadata ? volatile : [];
  const entries = Object.entries(value).filter(([name, child]) => child !== undefined && !hidden.includes(name));
  return Object.fromEntries(
    entries.map(([name, child = null]) => {
      if (times.test(name)) return [name, 'time'];
      return [name, name === 'observedGeneration' ? age(child, object) : normalized(child, object, names)];
    }),
  );
}

function age(observed: Json, { metadata: { generation } }: Stored): Json {
  return observed === generation ? 'current' : observed;
}
