/** Prints what stays in memory with 10,000 Routes, and how long joining the largest file takes. Needs --expose-gc. */
import process from 'node:process';
import { edgeRenderer } from '../src/render/edge.ts';
import { resolver } from '../src/resolve/resolve.ts';
import { inCluster } from './placement.ts';
import { fullSize, snapshotOf, worldOf } from './world.ts';

export interface Resident {
  /** Heap in MB (10^6 bytes): before, with the snapshot, resolved, rendered. */
  readonly heap: readonly number[];
  readonly rss: number;
  /** Milliseconds, of each repetition. */
  readonly join: readonly number[];
  readonly joined: number;
}

function heap(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / 1e6;
}

const heaps = [heap()];
const snapshot = snapshotOf(worldOf(fullSize));
heaps.push(heap());
const resolve = resolver();
const { gateways } = resolve(snapshot);
heaps.push(heap());
const render = edgeRenderer(inCluster);
const [edge] = [...gateways.values()].map(render);
heaps.push(heap());
const largest = edge?.files.find(({ name }) => name.startsWith('rds'));
const rss = process.memoryUsage().rss / 1e6;
let joined = 0;
const join = Array.from({ length: 9 }, () => {
  const start = performance.now();
  joined = Buffer.byteLength(largest?.text('1') ?? '') / 1e6;
  return performance.now() - start;
});
process.stdout.write(JSON.stringify({ heap: heaps, rss, join, joined } satisfies Resident));
// Both would be free to go before they were measured.
if (snapshot.Route.size === 0) render([...resolve(snapshot).gateways.values()][0] ?? process.exit(1));
