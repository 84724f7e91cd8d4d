/** `npm run bench [-- cold incremental …]`: prints figures; never fails for a slow machine. */
import process from 'node:process';
import { cold } from './cold.ts';
import { delivery } from './delivery.ts';
import { type Figure, table } from './figures.ts';
import { incremental } from './incremental.ts';
import { mesh } from './mesh.ts';
import { resident } from './resident.ts';
import { rules } from './rules.ts';
import { start } from './start.ts';
import { telemetry } from './telemetry.ts';
import { tree } from './tree.ts';

const benches: Readonly<Record<string, () => Promise<readonly Figure[]>>> = {
  cold,
  incremental,
  tree,
  rules,
  mesh,
  resident,
  start,
  delivery,
  telemetry,
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !Object.hasOwn(benches, name));
if (unknown.length > 0) {
  process.stderr.write(`No such bench: ${unknown.join(', ')}. There are ${Object.keys(benches).join(', ')}.\n`);
}
for (const [name, bench] of Object.entries(benches)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  process.stderr.write(`${name} …\n`);
  const figures = await bench().catch((error: unknown) => {
    process.stderr.write(`${name} could not be measured: ${String(error)}\n`);
    return [];
  });
  if (figures.length > 0) process.stdout.write(`${table(figures)}\n`);
}
