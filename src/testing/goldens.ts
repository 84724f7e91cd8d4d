/** Every golden case of the source tree, for tests that hold all of them against something. */
import { globSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Case, readCase } from './manifests.ts';

export interface NamedCase extends Case {
  /** `features/backends/weighted` */
  readonly name: string;
}

export function allGoldens(): readonly NamedCase[] {
  const root = fileURLToPath(new URL('../', import.meta.url));
  const paths = globSync('**/golden/*/in.yaml', { cwd: root }).toSorted();
  return paths.map((path) => ({
    name: path.replace('/golden/', '/').replace('/in.yaml', ''),
    ...readCase(`${root}/${path}`),
  }));
}
