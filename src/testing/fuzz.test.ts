import { expect, test } from '@jest/globals';
import { fuzz } from './fuzz.ts';

test.each([
  [{}, { numRuns: 300, seed: 20_261_121 }],
  [{ EVENGATE_FUZZ_RUNS: '' }, { numRuns: 300, seed: 20_261_121 }],
  [{ EVENGATE_FUZZ_RUNS: '15000' }, { numRuns: 3000 }],
  [{ EVENGATE_FUZZ_RUNS: '1' }, { numRuns: 1 }],
  [{ EVENGATE_FUZZ_SEED: '-7' }, { numRuns: 300, seed: -7 }],
])('of a test that runs 300 times %j makes %j', (environment, size) => {
  expect(fuzz(300, environment)).toEqual(size);
});

test('a number that is none is refused', () => {
  expect(() => fuzz(300, { EVENGATE_FUZZ_RUNS: '10k' })).toThrow('EVENGATE_FUZZ_RUNS is "10k"');
});
