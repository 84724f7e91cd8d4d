/** Whatever zod refuses, the API server refuses as well, and the other way round: one mutation of a good object at a time. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { apiServer } from '../testing/api-server.ts';
import { fuzz } from '../testing/fuzz.ts';
import { mutations } from '../testing/mutations.ts';
import { kinds } from './kinds.ts';

describe.each(kinds.map((definition) => [definition.kind, definition] as const))('%s', (kind, definition) => {
  const server = apiServer(definition);

  test('zod and the API server agree on every mutation', () => {
    const counts = { refused: 0, taken: 0 };
    fc.assert(
      fc.property(mutations(kind), ({ path, spec: value }) => {
        if (value === undefined) return;
        const zod = definition.spec.safeParse(value);
        const refusals = server.refusals(value);
        counts[zod.success ? 'taken' : 'refused']++;
        if (zod.success === (refusals.length === 0)) return;
        throw new Error(
          `${path.join('.')}: zod says ${zod.error?.message ?? 'yes'}, the API server ${refusals.join() || 'yes'}`,
        );
      }),
      fuzz(1000),
    );
    // Neither side may win by refusing everything, or nothing.
    expect(Math.min(counts.refused, counts.taken)).toBeGreaterThan((counts.refused + counts.taken) / 10);
  });
});
