import { expect, test } from '@jest/globals';
import { freePort } from './ports.ts';

test('no port is given twice, and none that the kernel gives to connections', async () => {
  const ports = await Promise.all(Array.from({ length: 200 }, freePort));
  expect(new Set(ports).size).toBe(200);
  expect(Math.max(...ports)).toBeLessThan(32_768);
});
