/** 1,000 AuthPolicies over 200 workloads, to both planes: from nothing, and after a change of one. */
import { withChild } from './child.ts';
import { type Figure, median, quantile } from './figures.ts';
import type { MeshTimes } from './mesh-child.ts';
import { workloads as expected } from './mesh-world.ts';

const rounds = 5;

export async function mesh(): Promise<readonly Figure[]> {
  const results = await withChild<MeshTimes, readonly MeshTimes[]>('mesh-child.ts', async (run) => {
    const all: MeshTimes[] = [];
    for (let round = 0; round < rounds; round += 1) all.push(await run([]));
    return all;
  });
  const [first] = results;
  if (first === undefined || first.workloads !== expected) {
    throw new Error(`${first?.workloads ?? 0} workloads in the mesh instead of ${expected}`);
  }
  const changes = results.flatMap((result) => result.changes);
  const written = results.flatMap((result) => result.written);
  const middle = (value: (result: MeshTimes) => number) => median(results.map(value));
  const part = (index: 0 | 1 | 2) => middle(({ parts }) => parts[index]).toFixed(0);
  const findings = first.findings === 0 ? '' : `, ${first.findings} FINDINGS`;
  return [
    {
      name: 'mesh, 1,000 AuthPolicies over 200 workloads: resolve and render both planes',
      value: middle(({ cold }) => cold),
      unit: 'ms',
      target: { kind: 'most', value: 500 },
      note: `resolve ${part(0)}, edge ${part(1)}, mesh ${part(2)}; CPU ${middle(({ cpu }) => cpu[0]).toFixed(0)}; ${first.objects} objects of Istio${findings}`,
    },
    {
      name: 'mesh, one AuthPolicy changed: median',
      value: median(changes),
      unit: 'ms',
      target: { kind: 'most', value: 5 },
      note: `CPU ${middle(({ cpu, changes: each }) => cpu[1] / each.length).toFixed(2)} ms each`,
    },
    { name: 'mesh, one AuthPolicy changed: p95', value: quantile(changes, 0.95), unit: 'ms' },
    {
      name: 'mesh, one AuthPolicy changed: objects that differ',
      value: Math.max(...written),
      unit: '',
      target: { kind: 'most', value: 2 },
      note: 'its ALLOW and its DENY; no more are written',
    },
  ];
}
