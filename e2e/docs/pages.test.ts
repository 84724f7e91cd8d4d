/** The documentation, word by word: its manifests are applied to a cluster, its commands run, and their output compared. */
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Page } from '../../src/testing/docs/page.ts';
import { pages } from '../../src/testing/docs/pages.ts';
import { runsOf } from '../../src/testing/docs/script.ts';
import { stepsOf } from '../../src/testing/docs/steps.ts';
import { evengateVersion } from '../../src/version.ts';
import { packEvengate } from '../cluster/images/images.ts';
import { loadedCluster } from '../operator/lib/loaded.ts';
import { say } from '../operator/lib/report.ts';
import { clusterSuite } from '../operator/lib/suite.ts';
import { goProgram, tools } from '../tools/go-program.ts';
import { newReader, type Reader } from './lib/reader.ts';
import { leaveRoom, namespacesOf, takeRoom } from './lib/room.ts';

/** Those that pages call; undefined where there is no Go. */
async function programs(): Promise<Readonly<Record<string, string>> | undefined> {
  const found: Record<string, string> = {};
  for (const name of ['helm', 'kustomize', 'kubeconform'] as const) {
    const program = await goProgram(tools[name]);
    if ('skip' in program) return undefined;
    found[name] = program.binary;
  }
  return found;
}

const found = await programs();
const suite = found === undefined ? describe.skip : await clusterSuite();
/** For quick rounds: some pages. */
const chosen = process.env['EVENGATE_DOCS']?.split(',');
const all = pages().filter(({ path }) => chosen === undefined || chosen.includes(path));
/** They install, upgrade and remove the operator: one after the other. The rest uses it, side by side. */
const first = [
  'docs/operations.md',
  'charts/evengate-crds/README.md',
  'charts/evengate/README.md',
  'docs/quick-start.md',
  'README.md',
];
const sideBySide = 4;

let reader: Reader;
const faults = new Map<string, readonly string[]>();

async function read(page: Page): Promise<void> {
  const begin = performance.now();
  faults.set(page.path, await reader.read(page, runsOf(stepsOf(page))));
  say(`${page.path}: ${((performance.now() - begin) / 1000).toFixed(1)} s`);
}

suite('documentation', () => {
  beforeAll(async () => {
    const cluster = await loadedCluster();
    // Under the name that the chart has, as who follows the pages has built it.
    await cluster.loadImage(await packEvengate(undefined, `evengate:${evengateVersion()}`));
    reader = await newReader({ program: cluster.kubectl, kubeconfig: cluster.kubeconfig, programs: found ?? {} });
    await takeRoom(namespacesOf(all), reader);
    for (const path of first) for (const page of all) if (page.path === path) await read(page);
    const rest = all.filter(({ path }) => !first.includes(path)).values();
    const work = async () => {
      for (const page of rest) await read(page);
    };
    await Promise.all(Array.from({ length: sideBySide }, work));
  }, 600_000);

  afterAll(async () => {
    if (reader === undefined) return;
    await leaveRoom(namespacesOf(all), reader);
    reader.end();
  }, 60_000);

  test.each(all.map(({ path }) => path))('%s', (path) => {
    expect(faults.get(path)?.join('\n\n')).toBe('');
  });
});
