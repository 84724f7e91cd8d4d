/** One change among 10,000 Routes, to the new revision: what every event costs. */
import { withChild } from './child.ts';
import { type Figure, median, quantile } from './figures.ts';
import type { Change } from './incremental-child.ts';

const limit = { kind: 'most', value: 5 } as const;

export async function incremental(): Promise<readonly Figure[]> {
  const changes = await withChild<readonly Change[], readonly Change[]>('incremental-child.ts', (run) => run([]));
  return changes.flatMap(({ name, wall, cpu }): readonly Figure[] => [
    {
      name: `${name}: median`,
      value: median(wall),
      unit: 'ms',
      target: limit,
      note: `CPU ${(cpu / wall.length).toFixed(2)} ms each`,
    },
    { name: `${name}: p95`, value: quantile(wall, 0.95), unit: 'ms' },
  ]);
}
