/** Cold start: 10,000 Routes and 1,000 AuthPolicies from text to every byte that Envoy reads. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { KubeObject } from '../src/kube/object.ts';
import { withChild } from './child.ts';
import type { ColdResult } from './cold-child.ts';
import { type Figure, median } from './figures.ts';
import { fullSize, watchEvent, worldOf } from './world.ts';

const rounds = 5;

export async function cold(): Promise<readonly Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'evengate-bench-'));
  try {
    const objects = worldOf(fullSize);
    writeFileSync(join(folder, 'events.json'), objects.map((object) => `${watchEvent(object)}\n`).join(''));
    writeManifests(join(folder, 'manifests'), objects);
    return await withChild<ColdResult, readonly Figure[]>('cold-child.ts', async (run) => [
      ...(await measure('watch events (JSON)', () =>
        run(['json', join(folder, 'events.json'), mkdtempSync(join(folder, 'out-'))]),
      )),
      ...(await measure('manifests (YAML)', () =>
        run(['yaml', join(folder, 'manifests'), mkdtempSync(join(folder, 'out-'))]),
      )),
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** One file a team and kind. */
function writeManifests(folder: string, objects: readonly KubeObject[]): void {
  mkdirSync(folder);
  const byFile = Map.groupBy(objects, ({ kind, metadata }) => `${metadata.namespace}-${kind.toLowerCase()}.yaml`);
  for (const [name, members] of byFile) {
    writeFileSync(join(folder, name), members.map((object) => stringify(object)).join('---\n'));
  }
}

async function measure(name: string, run: () => Promise<ColdResult>): Promise<readonly Figure[]> {
  const results: ColdResult[] = [];
  for (let round = 0; round < rounds; round += 1) results.push(await run());
  const middle = (value: (result: ColdResult) => number) => median(results.map(value));
  const part = (index: 0 | 1 | 2 | 3) => middle(({ parts }) => parts[index]).toFixed(0);
  const findings = results[0]?.findings ?? 0;
  return [
    {
      name: `cold, ${name}: time`,
      value: middle(({ wall }) => wall),
      unit: 'ms',
      target: { kind: 'most', value: 1000 },
      note: `parse ${part(0)}, resolve ${part(1)}, render ${part(2)}, write ${part(3)}${findings === 0 ? '' : `, ${findings} FINDINGS`}`,
    },
    {
      name: `cold, ${name}: CPU`,
      value: middle(({ cpu }) => cpu),
      unit: 'ms',
      note: 'all threads, with the collector',
    },
    {
      name: `cold, ${name}: peak memory`,
      value: middle(({ peakMegabytes }) => peakMegabytes),
      unit: 'MB',
      target: { kind: 'most', value: 300 },
      note: `${middle(({ startMegabytes }) => startMegabytes).toFixed(0)} before it read anything; ${(middle(({ bytes }) => bytes) / 1e6).toFixed(1)} MB written`,
    },
  ];
}
