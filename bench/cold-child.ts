/** `cold-child.ts json|yaml PATH`: from texts on disk to the bytes of every file; prints what it took. */
import { readdirSync, readFileSync } from 'node:fs';
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
  const bytes = readFileSync(path);
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(10, start);
    const { object } = JSON.parse(bytes.toString('utf8', start, end)) as { readonly object: KubeObject };
    const { name, namespace = '', uid = '', generation = 0, resourceVersion = '', labels = {} } = object.metadata;
    const kept = { ...object, metadata: { name, namespace, uid, generation, resourceVersion, labels } };
    const collection = collections.get(object.kind) ?? new Map<string, KubeObject>();
    collections.set(object.kind, collection.set(objectKey(kept), kept));
    start = end + 1;
  }
  return { ...emptySnapshot, ...Object.fromEntries([...collections].filter(([kind]) => isWatchedKind(kind))) };
}

function fromFolder(folder: string): Snapshot {
  const files = readdirSync(folder).map((name) => {
    const path = join(folder, name);
    return parseFile({ path, text: readFileSync(path, 'utf8') });
  });
  return assemble(files).snapshot;
}

const [, , form, path = ''] = process.argv;
const startMegabytes = peakMegabytes();
const cpu = process.cpuUsage();
const times = [performance.now()];
const snapshot = form === 'yaml' ? fromFolder(path) : fromEvents(path);
times.push(performance.now());
const resolution = resolver()(snapshot);
times.push(performance.now());
const edges = [...resolution.gateways.values()].map(edgeRenderer(inCluster));
times.push(performance.now());
const files = edges.flatMap((edge) => edge.files.map((file) => Buffer.from(file.text(edge.revision))));
times.push(performance.now());
const used = process.cpuUsage(cpu);
const parts = times.slice(1).map((time, index) => time - (times[index] ?? 0));
const result: ColdResult = {
  wall: (times.at(-1) ?? 0) - (times[0] ?? 0),
  cpu: (used.user + used.system) / 1000,
  parts: parts as unknown as ColdResult['parts'],
  startMegabytes,
  peakMegabytes: peakMegabytes(),
  bytes: files.reduce((sum, file) => sum + file.length, 0),
  findings: resolution.findings.length,
};
process.stdout.write(JSON.stringify(result));
