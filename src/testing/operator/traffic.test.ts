import { afterEach, expect, test } from '@jest/globals';
import { backendRef } from '../build.ts';
import { rigPool } from './rig.ts';
import { createAll, pathRoute, shop } from './shop.ts';
import { formsOf, trafficFaults } from './traffic.ts';

const pool = rigPool();
afterEach(pool.stop);

test('what is open, what is lost, and what changes is seen at every moment', async () => {
  const rig = await pool.open();
  createAll(rig.api, shop());
  rig.start({ readSecrets: true });
  await rig.quiet();
  const faults = (guarded: readonly string[], lasting: readonly string[]) =>
    trafficFaults(rig.pods.everyEnvoy(), { guarded, lasting });
  expect(faults(['shop/orders', 'shop/hidden', 'shop/bare'], ['shop/menu'])).toEqual([]);
  expect(faults(['shop/menu'], ['shop/orders'])).toEqual([
    'Envoy 0: shop/menu was open at its moment 0 of 1',
    'Envoy 1: shop/menu was open at its moment 0 of 1',
    'shop/orders was never served',
  ]);
  rig.api.put(pathRoute('menu', { backendRefs: [backendRef({ name: 'canary' })] }));
  await rig.quiet();
  expect(formsOf(rig.pods.everyEnvoy(), 'shop/menu')).toHaveLength(2);
  rig.api.delete(pathRoute('menu'));
  await rig.quiet();
  expect(faults([], ['shop/menu'])[0]).toMatch(/^Envoy 0: shop\/menu was served and at its moment \d was not$/);
});
