/** What stays in memory, and what a whole table costs. */
import { operatorFlags, withChild } from './child.ts';
import { type Figure, median } from './figures.ts';
import type { Resident } from './resident-child.ts';

export async function resident(): Promise<readonly Figure[]> {
  const flags = [...operatorFlags, '--expose-gc'];
  const { heap, rss, join, joined } = await withChild<Resident, Resident>('resident-child.ts', (run) => run([], flags));
  const [start = 0, objects = 0, resolved = 0, rendered = 0] = heap;
  const step = (from: number, to: number) => `${(to - from).toFixed(0)} MB`;
  return [
    {
      name: 'resident at 10,000 Routes: heap',
      value: rendered,
      unit: 'MB',
      note: `start ${start.toFixed(0)} MB, objects ${step(start, objects)}, resolved ${step(objects, resolved)}, rendered ${step(resolved, rendered)}`,
    },
    { name: 'resident at 10,000 Routes: process', value: rss, unit: 'MB' },
    { name: 'text of the largest route table', value: median(join), unit: 'ms', note: `${joined.toFixed(0)} MB` },
  ];
}
