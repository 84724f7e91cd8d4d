/** Whatever users, networks and API servers do: what is held ends equal to what is stored, and the changes told add up to it. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type KubeObject, type ObjectKey, objectKey } from '../kube/object.ts';
import { resources } from '../kube/resources.ts';
import { fuzz } from '../testing/fuzz.ts';
import {
  closesAfter,
  endsMidLine,
  type Fault,
  resetsMidLine,
  sendsError,
  splitsEvents,
} from '../testing/kube-api/faults.ts';
import type { KubeApi } from '../testing/kube-api/index.ts';
import { strike, told, watching } from '../testing/watching.ts';
import { cache } from './cache.ts';
import { NamedObjects } from './named-objects.ts';
import { sayTheSame, withoutBookkeeping } from './project.ts';
import type { Change } from './store.ts';

const namespaces = ['shop', 'blog', 'other'];
const names = ['a', 'b', 'c'];

type Step = (api: KubeApi) => void | Promise<void>;

const configMap = (namespace: string, name: string, data: Record<string, string> = {}, labels = {}): KubeObject =>
  ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace, labels }, data }) as KubeObject;

function remove(api: KubeApi, namespace: string, name: string): void {
  if (api.get(resources.ConfigMap, namespace, name) !== undefined) api.delete(configMap(namespace, name));
}

const place = [fc.constantFrom(...namespaces), fc.constantFrom(...names)] as const;
const edits = fc.oneof(
  fc.tuple(...place, fc.nat(3), fc.boolean()).map(([namespace, name, value, chosen]): Step => {
    const labels = chosen ? { app: 'x' } : {};
    return (api) => void api.put(configMap(namespace, name, { value: `${value} é` }, labels));
  }),
  fc.tuple(...place).map(
    ([namespace, name]): Step =>
      (api) =>
        remove(api, namespace, name),
  ),
  fc.tuple(...place).map(([namespace, name]): Step => {
    return (api) => {
      remove(api, namespace, name);
      api.put(configMap(namespace, name));
    };
  }),
);

const onWatches = (act: (watch: ReturnType<KubeApi['watches']>[number]) => void): Step => {
  return (api) => {
    for (const watch of api.watches()) act(watch);
  };
};
const refuse = (code: number): Fault => ({ kind: 'refuse', code });
const strikes = (verb: 'list' | 'watch', fault: Fault): Step => {
  return (api) => void strike(api, verb, fault, 1);
};
const troubles = fc.constantFrom<Step>(
  onWatches((watch) => watch.close()),
  onWatches((watch) => watch.reset()),
  onWatches((watch) => watch.error(410)),
  onWatches((watch) => watch.error(500)),
  onWatches((watch) => watch.sendRaw('{"type":"ADDED","obj')),
  onWatches((watch) => watch.sendRaw('nonsense\n')),
  (api) => api.bookmark(),
  (api) => api.skip(10),
  (api) => api.compact(),
  async (api) => {
    await api.goDown();
    await api.comeBack();
  },
  ...[refuse(410), refuse(429), refuse(500), closesAfter(0), closesAfter(1), resetsMidLine, endsMidLine].map((fault) =>
    strikes('watch', fault),
  ),
  ...[sendsError(410), sendsError(500, 'at-event'), splitsEvents(5)].map((fault) => strikes('watch', fault)),
  ...[refuse(403), refuse(503), { kind: 'reset' } as const].map((fault) => strikes('list', fault)),
  () => new Promise((resolve) => setImmediate(resolve)),
  () => new Promise((resolve) => setTimeout(resolve, 5)),
);

const steps = fc.array(fc.oneof({ weight: 3, arbitrary: edits }, { weight: 2, arbitrary: troubles }), {
  maxLength: 25,
});

function stored(api: KubeApi, chosen: (object: KubeObject) => boolean): ReadonlyMap<ObjectKey, KubeObject> {
  const objects = api.list<KubeObject>(resources.ConfigMap).filter(chosen);
  return new Map(objects.map((object) => [objectKey(object), withoutBookkeeping(object)]));
}

function equal(a: ReadonlyMap<ObjectKey, KubeObject>, b: ReadonlyMap<ObjectKey, KubeObject>): boolean {
  return a.size === b.size && [...a].every(([key, object]) => sayTheSame(object, b.get(key) ?? configMap('', '')));
}

/** Follows the changes alone, and fails where one does not follow from those before. */
class Follower {
  readonly objects = new Map<ObjectKey, KubeObject>();
  readonly mistakes: string[] = [];

  follow(changes: readonly Change<KubeObject>[]): void {
    for (const change of changes) {
      const { kind, key, object } = change;
      const known = this.objects.get(key);
      const previous = kind === 'added' ? undefined : kind === 'updated' ? change.previous : object;
      if (known !== previous) this.mistakes.push(`${kind} ${key}`);
      if (kind === 'deleted') this.objects.delete(key);
      else this.objects.set(key, object);
    }
  }
}

test.each([
  ['of all namespaces', undefined, undefined],
  ['of some namespaces', ['shop', 'blog'], undefined],
  ['of a selection', undefined, 'app=x'],
])('a cache %s', async (_, chosenNamespaces, labelSelector) => {
  const chosen = ({ metadata }: KubeObject) =>
    (chosenNamespaces?.includes(metadata.namespace ?? '') ?? true) &&
    (labelSelector === undefined || metadata.labels?.['app'] === 'x');
  await fc.assert(
    fc.asyncProperty(steps, async (taken) => {
      await using world = await watching();
      const { api, shared } = world;
      api.put(configMap('shop', 'a'));
      const source = cache<KubeObject>({
        ...shared,
        type: resources.ConfigMap,
        namespaces: chosenNamespaces,
        ...(labelSelector !== undefined && { labelSelector }),
      });
      const follower = new Follower();
      source.onChange((changes) => follower.follow(changes));
      world.start(source);
      for (const step of taken) await step(api);
      await told('all that is stored', source, () => source.synced && equal(source.snapshot(), stored(api, chosen)));
      expect(follower.mistakes).toEqual([]);
      expect(follower.objects).toEqual(source.snapshot());
    }),
    fuzz(60),
  );
});

const wants = fc.uniqueArray(
  fc.tuple(...place).map(([namespace, name]) => `${namespace}/${name}`),
  { maxLength: 4 },
);

test('named objects: those wanted now, whatever was wanted before', async () => {
  const turns = fc.array(fc.tuple(wants, steps), { minLength: 1, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(turns, async (taken) => {
      await using world = await watching();
      const { api, shared } = world;
      api.put(configMap('shop', 'a'));
      const objects = new NamedObjects<KubeObject>({ ...shared, type: resources.ConfigMap });
      world.start(objects);
      let wanted: ReadonlySet<ObjectKey> = new Set();
      for (const [keys, actions] of taken) {
        wanted = new Set(keys);
        objects.want(wanted);
        for (const step of actions) await step(api);
      }
      const expected = () => stored(api, (object) => wanted.has(objectKey(object)));
      const stateFits = (key: ObjectKey) => objects.stateOf(key)?.kind === (expected().has(key) ? 'present' : 'absent');
      await told(
        'all that is wanted',
        objects,
        () => equal(objects.snapshot(), expected()) && [...wanted].every(stateFits),
      );
      expect(objects.synced).toBe(true);
    }),
    fuzz(40),
  );
});
