/** What stays in memory, what a whole table costs, and how long the command takes to start. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
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
    ...(await starting()),
  ];
}

async function starting(): Promise<readonly Figure[]> {
  const bundle = fileURLToPath(new URL('../dist/evengate.js', import.meta.url));
  if (!existsSync(bundle)) {
    process.stderr.write('evengate version: not measured, as there is no dist/evengate.js (npm run build)\n');
    return [];
  }
  const times: number[] = [];
  for (let turn = 0; turn < 9; turn += 1) {
    const start = performance.now();
    await promisify(execFile)(process.execPath, [bundle, 'version']);
    times.push(performance.now() - start);
  }
  return [{ name: 'evengate version: from start to end', value: median(times), unit: 'ms' }];
}
