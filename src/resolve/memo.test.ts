import { expect, test } from '@jest/globals';
import { memoise } from './memo.ts';

interface Item {
  readonly likes: string;
}

type Shop = { readonly fruit: ReadonlyMap<string, number> };

/** Names of the items that were computed, call by call. */
function shop() {
  const computed: string[] = [];
  const priced = memoise<Item, Shop, { readonly text: string }>((item, look) => {
    computed.push(item.likes);
    return { text: `${item.likes} ${look.get('fruit', item.likes) ?? 'none'}` };
  });
  return (items: ReadonlyMap<string, Item>, fruit: ReadonlyMap<string, number>) => {
    computed.length = 0;
    const { all, changes } = priced(items, { fruit });
    return {
      all: [...all].map(([key, { text }]) => `${key}: ${text}`),
      computed: [...computed],
      changed: changes.map(({ key, before, after }) => `${key}: ${before?.text} -> ${after?.text}`),
      map: all,
    };
  };
}

const apple = { likes: 'apple' };
const pear = { likes: 'pear' };
const fig = { likes: 'fig' };
const prices = new Map([
  ['apple', 1],
  ['pear', 2],
]);

test('only what changed, or read what changed, is computed again', () => {
  const price = shop();
  const items = new Map([
    ['a', apple],
    ['b', pear],
  ]);
  const first = price(items, prices);
  expect(first).toMatchObject({ all: ['a: apple 1', 'b: pear 2'], computed: ['apple', 'pear'] });
  const again = price(items, prices);
  expect(again).toMatchObject({ computed: [], changed: [] });
  expect(again.map).toBe(first.map);
  expect(price(items, new Map([...prices, ['plum', 9]])).computed).toEqual([]);
  expect(price(items, new Map([...prices, ['pear', 3]]))).toMatchObject({
    all: ['a: apple 1', 'b: pear 3'],
    computed: ['pear'],
    changed: ['b: pear 2 -> pear 3'],
  });
  expect(price(items, new Map([['pear', 3]])).changed).toEqual(['a: apple 1 -> apple none']);
  // The earlier Map is a snapshot: it does not follow.
  expect([...first.map.values()].map(({ text }) => text)).toEqual(['apple 1', 'pear 2']);
});

test.each([
  ['one comes last', ['a', 'b'], ['a', 'b', 'c'], ['c']],
  ['one comes first', ['b', 'c'], ['a', 'b', 'c'], ['a']],
  ['one goes', ['a', 'b', 'c'], ['a', 'c'], ['b']],
  ['the last goes', ['a', 'b', 'c'], ['a', 'b'], ['c']],
  ['one goes and one comes', ['a', 'b'], ['b', 'c'], ['a', 'c']],
  ['all go', ['a', 'b'], [], ['a', 'b']],
  ['the order changes', ['a', 'b', 'c'], ['c', 'a', 'b'], []],
  ['the order changes and one goes', ['a', 'b', 'c'], ['c', 'a'], ['b']],
])('results are in the order of the objects: %s', (_, before, after, changed) => {
  const known: Readonly<Record<string, Item>> = { a: apple, b: pear, c: fig };
  const itemsOf = (keys: readonly string[]) => new Map(keys.map((key) => [key, known[key] ?? fig]));
  const price = shop();
  price(itemsOf(before), prices);
  const now = price(itemsOf(after), prices);
  expect([...now.map.keys()]).toEqual(after);
  expect([...now.map]).toEqual([...shop()(itemsOf(after), prices).map]);
  expect(now.changed.map((text) => text.slice(0, 1)).toSorted()).toEqual(changed);
});

test('after a hundred changes to a large collection it is what it would be from scratch', () => {
  const price = shop();
  let items: ReadonlyMap<string, Item> = new Map(Array.from({ length: 300 }, (_, index) => [`${index}`, apple]));
  price(items, prices);
  for (let turn = 0; turn < 100; turn += 1) {
    items = new Map([...items, [`${(turn * 37) % 300}`, { likes: `pear-${turn}` }]]);
    const now = price(items, prices);
    expect(now.computed).toEqual([`pear-${turn}`]);
    expect(now.map.size).toBe(300);
    if (turn % 20 === 0) expect(now.all).toEqual(shop()(items, prices).all);
  }
});
