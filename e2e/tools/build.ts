/** `node e2e/tools/build.ts`: every program in Go that tests ask for, so that none of them has to wait. */
import process from 'node:process';
import { goProgram, judges, tools } from './go-program.ts';

for (const source of [...Object.values(tools), ...Object.values(judges)]) {
  const begin = performance.now();
  process.stderr.write(`e2e/${source.module} …`);
  const program = await goProgram(source);
  const seconds = ((performance.now() - begin) / 1000).toFixed(1);
  process.stderr.write('skip' in program ? ` not built: ${program.skip}\n` : ` ${seconds} s\n`);
}
