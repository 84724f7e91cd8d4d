// Readable by any Node: `npm test` gets here first and says plainly when it cannot go on.
import { existsSync } from 'node:fs';
import process from 'node:process';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const problem = !existsSync(new URL('../node_modules/jest', import.meta.url))
  ? 'the packages are not installed. Run npm ci first.'
  : major < 22 || (major === 22 && minor < 18)
    ? `this is Node ${process.versions.node}, and Node 22.18 or newer is needed. On Linux x86-64 npm ci brings one: run it, then npm test; elsewhere install one from https://nodejs.org.`
    : undefined;

if (problem === undefined) await import('./test.ts');
else {
  process.stderr.write(`npm test: ${problem}\n`);
  process.exit(1);
}
