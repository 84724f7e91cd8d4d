/** `cold-child.ts json|yaml PATH OUTPUT`: from texts on disk to every file that Envoy reads; prints what it took. */
import { closeSync, openSync, readdirSync, readFileSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { assemble } from '../src/controllers/manifests/assemble.ts';
import { parseFile } from '../src/controllers/manifests/parse.ts';
import { type KubeObject, objectKey } from '../src/kube/object.ts';
import { emptySnapshot, isWatchedKind, type Snapshot } from '../src/kube/snapshot.ts';
import { edgeRenderer } from '../src/render/edge.ts';
import { resolver } from '../src/resolve/resolve.ts';
import { peakMegabytes } from './memory.ts';
import { inCluster } from './placement.ts';

export interface ColdResult {
  readonly wall: number;
  readonly cpu: number;
  readonly parts: readonly [parse: number, resolve: number, render: number, text: number];
  readonly startMegabytes: number;
  readonly peakMegabytes: number;
  readonly bytes: number;
  readonly findings: number;
}

/** One watch event a line. What nobody reads of the metadata is let go at once. */
function fromEvents(path: string): Snapshot {
  const collections = new Map<string, Map<string, KubeObject>>();
  for (const line of linesOf(path)) {
    const { object } = JSON.parse(line) as { readonly object: KubeObject };
    const { name, namespace = '', uid = '', generation = 0, resourceVersion = '', labels = {} } = object.metadata;
    const kept = { ...object, metadata: { name, namespace, uid, generation, resourceVersion, labels } };
    const collection = collections.get(object.kind) ?? new Map<string, KubeObject>();
    collections.set(object.kind, collection.set(objectKey(kept), kept));
  }
  return { ...emptySnapshot, ...Object.fromEntries([...collections].filter(([kind]) => isWatchedKind(kind))) };
}

/** Piece by piece, as they come from a socket. */
function* linesOf(path: string): Generator<string> {
  const file = openSync(path, 'r');
  const piece = Buffer.alloc(1 << 16);
  let rest = '';
  for (let size = readSync(file, piece); size > 0; size = readSync(file, piece)) {
    const lines = (rest + piece.toString('latin1', 0, size)).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  closeSync(file);
}

/** Piece by piece, too: nobody needs a second copy of 50 MB. */
function write(path: string, text: string): number {
  const file = openSync(path, 'w');
  let bytes = 0;
  for (let start = 0; start < text.length; start += 1 << 20)
    bytes += writeSync(file, text.slice(start, start + (1 << 20)));
  closeSync(file);
  return bytes;
}

function fromFolder(folder: string): Snapshot {
  const files = readdirSync(folder).map((name) => {
    const path = join(folder, name);
    return parseFile({ path, text: readFileSync(path, 'utf8') });
  });
  return assemble(files).snapshot;
}

const [, , form, path = '', output = ''] = process.argv;
const startMegabytes = peakMegabytes();
const cpu = process.cpuUsage();
const times = [performance.now()];
const snapshot = form === 'yaml' ? fromFolder(path) : fromEvents(path);
times.push(performance.now());
const resolution = resolver()(snapshot);
times.push(performance.now());
const edges = [...resolution.gateways.values()].map(edgeRenderer(inCluster));
times.push(performance.now());
const bytes = edges.flatMap(({ files, revision }) =>
  files.map((file) => write(join(output, file.name), file.text(revision))),
);
times.push(performance.now());
const used = process.cpuUsage(cpu);
const parts = times.slice(1).map((time, index) => time - (times[index] ?? 0));
const result: ColdResult = {
  wall: (times.at(-1) ?? 0) - (times[0] ?? 0),
  cpu: (used.user + used.system) / 1000,
  parts: parts as unknown as ColdResult['parts'],
  startMegabytes,
  peakMegabytes: peakMegabytes(),
  bytes: bytes.reduce((sum, size) => sum + size, 0),
  findings: resolution.findings.length,
};
process.stdout.write(JSON.stringify(result));
