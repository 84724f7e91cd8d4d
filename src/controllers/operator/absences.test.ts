/** Each kind is watched by itself: what a Route names may be there although nobody has told us yet. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { ApiError } from '../../kube/client.ts';
import type { KubeObject, ObjectKey } from '../../kube/object.ts';
import { resources } from '../../kube/resources.ts';
import { backendRef, service } from '../../testing/build.ts';
import { conditionOf, type OperatorRig, rigPool } from '../../testing/operator/rig.ts';
import { createAll, pathRoute, publicFor, servingShop } from '../../testing/operator/shop.ts';
import { Absences } from './absences.ts';

const pool = rigPool();
afterEach(pool.stop);

async function opened(): Promise<OperatorRig> {
  return servingShop(await pool.open());
}

/** Of every status that the Route `menu` was given since, in turn. */
function resolvedRefs({ api }: OperatorRig, since: number): readonly string[] {
  const written = api.writes.slice(since).filter(({ kind, name }) => kind === 'Route' && name === 'menu');
  return written
    .filter(({ subresource }) => subresource === 'status')
    .map(({ after }) => conditionOf(after as unknown as KubeObject, 'ResolvedRefs'));
}

const toOther = pathRoute('menu', { backendRefs: [backendRef({ name: 'other' })] });

describe('a Route that changes to a Service', () => {
  test('that was made just before is never said to lead nowhere, whichever is seen first', async () => {
    const rig = await opened();
    const since = rig.api.writes.length;
    for (const watch of rig.api.watches(resources.Service)) watch.freeze();
    rig.api.create(service({}, { name: 'other' }));
    rig.api.put(toOther);
    // Others need not wait longer than the API server takes to answer.
    await rig.clock.sleep(3000);
    for (const watch of rig.api.watches(resources.Service)) watch.thaw();
    await rig.quiet();
    expect(resolvedRefs(rig, since)).toEqual(['True ResolvedRefs']);
  });

  test('that is not there is said so at once, and of one that is seen too late, in the end', async () => {
    const rig = await opened();
    const since = rig.api.writes.length;
    rig.api.put(toOther);
    await rig.clock.sleep(500);
    expect(resolvedRefs(rig, since)).toEqual(['False BackendNotFound']);
    for (const watch of rig.api.watches(resources.Service)) watch.freeze();
    rig.api.create(service({}, { name: 'third' }));
    rig.api.put(pathRoute('menu', { backendRefs: [backendRef({ name: 'third' })] }));
    createAll(rig.api, [pathRoute('new'), publicFor('new')]);
    await rig.clock.sleep(11_000);
    expect(conditionOf(rig.api.get(resources.Route, 'shop', 'new'), 'ResolvedRefs')).toBe('True ResolvedRefs');
  });
});

describe('what is missing', () => {
  type Answer = boolean | ApiError;

  function askedOf(answer: (key: ObjectKey) => Answer) {
    const asked: ObjectKey[] = [];
    const slept: number[] = [];
    const changes: (() => void)[] = [];
    const absences = new Absences({
      isThere: async (key) => {
        asked.push(key);
        const said = answer(key);
        if (typeof said === 'boolean') return said;
        throw said;
      },
      onKnown: () => changes.shift()?.(),
      clock: { sleep: async (ms) => void slept.push(ms) },
    });
    const known = () => new Promise<void>((resolve) => void changes.push(resolve));
    return { absences, asked, slept, known };
  }

  const keys = (...names: readonly string[]) => new Set(names.map((name): ObjectKey => `shop/${name}`));

  test('is asked for once, and again when it was there between', async () => {
    const { absences, asked, known } = askedOf(() => false);
    const answered = known();
    expect(absences.areKnown(keys('a'))).toBe(false);
    await answered;
    expect([absences.areKnown(keys('a')), absences.areKnown(keys('a')), absences.areKnown(keys())]).toEqual([
      true,
      true,
      true,
    ]);
    expect(absences.areKnown(keys('a'))).toBe(false);
    expect(asked).toEqual(['shop/a', 'shop/a']);
  });

  test('is asked for again after a second when it is there and we do not see it', async () => {
    const { absences, asked, slept, known } = askedOf(() => true);
    const again = known();
    absences.areKnown(keys('a'));
    await again;
    expect([absences.areKnown(keys('a')), slept, asked]).toEqual([false, [1000], ['shop/a', 'shop/a']]);
  });

  test('holds nothing back where the API server does not answer, or where it is too much for one moment', async () => {
    const away = askedOf(() => new ApiError('connection refused'));
    const answered = away.known();
    away.absences.areKnown(keys('a'));
    await answered;
    expect(away.absences.areKnown(keys('a'))).toBe(true);
    const many = askedOf(() => false);
    many.absences.areKnown(keys(...Array.from({ length: 80 }, (_, index) => `s${index}`)));
    expect(many.asked).toHaveLength(50);
  });
});
