/** Which files of this repository are documentation. */
import { globSync } from 'node:fs';
import { type Page, readPage, root } from './page.ts';

const written = ['README.md', 'docs/**/*.md', 'examples/**/README.md', 'charts/*/README.md'];
/** Tables that are generated, and decisions, which have no examples. */
const others = /^docs\/(reference|adr)\//;

/** Pages whose blocks are applied and run. */
export function pages(): readonly Page[] {
  return allPages().filter(({ path }) => !others.test(path));
}

export function allPages(): readonly Page[] {
  return globSync(written, { cwd: root }).toSorted().map(readPage);
}
