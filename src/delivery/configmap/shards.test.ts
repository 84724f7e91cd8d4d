import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { fuzz } from '../../testing/fuzz.ts';
import { assign } from './shards.ts';

const two = [
  { name: 'a', room: 10 },
  { name: 'b', room: 10 },
];
const held = (before: Record<string, string>, sizes: Record<string, number>) => {
  const found = assign(new Map(Object.entries(before)), new Map(Object.entries(sizes)), two);
  return found === undefined ? undefined : Object.fromEntries(found);
};

describe('assign', () => {
  test('one ConfigMap is enough for what fits into one', () => {
    expect(held({}, { cds: 4, lds: 5 })).toEqual({ cds: 'a', lds: 'a' });
  });

  test('a file stays where it is while it fits there', () => {
    expect(held({ cds: 'b', lds: 'a' }, { cds: 5, lds: 5 })).toEqual({ cds: 'b', lds: 'a' });
  });

  test('where one has to move, it is the largest', () => {
    expect(held({ cds: 'a', lds: 'a', rds: 'a' }, { cds: 2, lds: 3, rds: 6 })).toEqual({
      cds: 'a',
      lds: 'a',
      rds: 'b',
    });
  });

  test('more move when that makes them fit', () => {
    expect(held({ cds: 'a', lds: 'b' }, { cds: 5, lds: 5, rds: 10 })).toEqual({ cds: 'b', lds: 'b', rds: 'a' });
  });

  test('nothing fits twice', () => {
    expect(held({}, { rds: 11 })).toBeUndefined();
    expect(held({ cds: 'a' }, { cds: 7, lds: 7, rds: 7 })).toBeUndefined();
  });

  test('whatever came before, none is over-full, and what is assigned stays assigned', () => {
    const sizes = fc.dictionary(fc.constantFrom('c', 'l', 'r', 's', 't'), fc.integer({ min: 1, max: 8 }));
    const before = fc.dictionary(fc.constantFrom('c', 'l', 'r', 'x'), fc.constantFrom('a', 'b', 'gone'));
    fc.assert(
      fc.property(before, sizes, (earlier, bytes) => {
        const found = held(earlier, bytes);
        if (found === undefined) return;
        expect(Object.keys(found).toSorted()).toEqual(Object.keys(bytes).toSorted());
        for (const { name, room } of two) {
          const inOne = Object.keys(bytes).filter((file) => found[file] === name);
          expect(inOne.reduce((sum, file) => sum + (bytes[file] ?? 0), 0)).toBeLessThanOrEqual(room);
        }
        expect(held(found, bytes)).toEqual(found);
      }),
      fuzz(300),
    );
  });
});
