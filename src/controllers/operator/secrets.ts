/** Which Secrets and ConfigMaps the operator has to read, and what stands in a Snapshot for the Secrets that it does not. */
import type { Secret } from '../../kube/core.ts';
import { type KubeObject, keyOf, type ObjectKey } from '../../kube/object.ts';
import type { Collection } from '../../kube/snapshot.ts';
import type { References } from '../../resolve/resolve.ts';

/** Objects watched by their names, as `runtime` has them. */
export interface NamedObjects<T extends KubeObject> {
  /** Keeps these, and no others. */
  want(keys: ReadonlySet<ObjectKey>): void;
  get(key: ObjectKey): T | undefined;
  /** `starting` has not been answered yet; `failing` and `forbidden` may be held as they were seen last. */
  stateOf(key: ObjectKey): { readonly kind: 'starting' | 'present' | 'absent' | 'forbidden' | 'failing' } | undefined;
}

/** Whether it may be there, for all that we know: nothing should be concluded from it. */
export function isUnknown<T extends KubeObject>(key: ObjectKey, named: NamedObjects<T>): boolean {
  const kind = named.stateOf(key)?.kind ?? 'starting';
  return kind === 'starting' || (kind === 'failing' && named.get(key) === undefined);
}

/** Keys of Secrets: those that are only mounted, and those that somebody has to read. */
export interface SecretNeeds {
  readonly mounted: readonly ObjectKey[];
  readonly read: readonly ObjectKey[];
}

/** A certificate of the ApiGateway's own namespace is read by Envoy alone; from another one it has to be copied. */
export function secretNeeds({ certificates, keySets }: References): SecretNeeds {
  const keys = keySets('Secret');
  const mounted: ObjectKey[] = [];
  const read = new Set(keys.keys());
  for (const [secret, gateways] of certificates()) {
    const foreign = [...gateways].some((gateway) => namespaceOf(gateway) !== namespaceOf(secret));
    if (foreign) read.add(secret);
    else if (!keys.has(secret)) mounted.push(secret);
  }
  return { mounted, read: [...read] };
}

export function namespaceOf(key: ObjectKey): string {
  return key.slice(0, Math.max(0, key.indexOf('/')));
}

/** The Secrets of a Snapshot; the same object while they are. `named` is undefined where the operator reads none. */
export function secretCollection(): (
  needs: SecretNeeds,
  named: NamedObjects<Secret> | undefined,
) => Collection<Secret> {
  let before: Collection<Secret> = new Map();
  return ({ mounted, read }, named) => {
    const standIn = (key: ObjectKey, why: 'mounted' | 'forbidden'): Secret =>
      before.get(key)?.unread === why ? (before.get(key) as Secret) : unreadSecret(key, why);
    const found = read.flatMap((key): readonly (readonly [ObjectKey, Secret])[] => {
      const object = named?.get(key);
      if (object !== undefined) return [[key, object]];
      const forbidden = named === undefined || named.stateOf(key)?.kind === 'forbidden';
      return forbidden ? [[key, standIn(key, 'forbidden')]] : [];
    });
    const all = new Map([...mounted.map((key) => [key, standIn(key, 'mounted')] as const), ...found]);
    if (!sameEntries(before, all)) before = all;
    return before;
  };
}

function unreadSecret(key: ObjectKey, unread: 'mounted' | 'forbidden'): Secret {
  const namespace = namespaceOf(key);
  const name = key.slice(namespace.length + 1);
  return { apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name }, unread };
}

export function sameEntries<V>(before: ReadonlyMap<string, V>, after: ReadonlyMap<string, V>): boolean {
  return before.size === after.size && [...after].every(([key, value]) => before.get(key) === value);
}

/** `shop/keys` of an ObjectRef. */
export function refKey({ namespace, name }: { readonly namespace: string; readonly name: string }): ObjectKey {
  return keyOf(namespace, name);
}
