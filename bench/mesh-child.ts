/** Prints what it takes to render a mesh and its edge from objects, and then each of 50 changes of one AuthPolicy. */
import { generateKeyPairSync } from 'node:crypto';
import process from 'node:process';
import type { SecurityObject } from '../src/istio/security.ts';
import { type KubeObject, objectKey } from '../src/kube/object.ts';
import { edgeRenderer } from '../src/render/edge.ts';
import { meshObjects } from '../src/render/mesh.ts';
import { resolver } from '../src/resolve/resolve.ts';
import { authPolicies, authPolicy, meshWorldOf } from './mesh-world.ts';
import { inCluster } from './placement.ts';
import { snapshotOf } from './world.ts';

export interface MeshTimes {
  /** Milliseconds, of the first time. */
  readonly cold: number;
  readonly parts: readonly [resolve: number, edge: number, mesh: number];
  /** Of all threads, of the first time and of all changes. */
  readonly cpu: readonly [cold: number, changes: number];
  readonly workloads: number;
  readonly objects: number;
  readonly findings: number;
  /** Milliseconds of each repetition. */
  readonly changes: readonly number[];
  /** Objects that came out otherwise, in each repetition, and those of the workload that the policy is about. */
  readonly written: readonly number[];
}

const repetitions = 50;
const warmUps = 10;

const resolve = resolver();
const render = edgeRenderer(inCluster);
const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const jwks = JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'first', alg: 'RS256' }] });
let snapshot = snapshotOf(meshWorldOf(jwks));

function compile() {
  const times = [performance.now()];
  const resolution = resolve(snapshot);
  times.push(performance.now());
  for (const gateway of resolution.gateways.values()) render(gateway);
  times.push(performance.now());
  const { workloads } = resolution.mesh;
  const objects = [...workloads.values()].flatMap((workload) => meshObjects(workload, resolution.className));
  times.push(performance.now());
  const parts = times.slice(1).map((time, index) => time - (times[index] ?? 0)) as unknown as MeshTimes['parts'];
  return { objects, workloads: workloads.size, findings: resolution.findings.length, parts };
}

/** Milliseconds since `before`, or since the process began. */
function cpuSince(before?: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

function withPolicy(object: KubeObject): typeof snapshot {
  const all = new Map(snapshot.AuthPolicy).set(objectKey(object), object);
  return { ...snapshot, AuthPolicy: all };
}

/** As the operator compares: by what is in them, of those that are not the same object. */
function differing(before: readonly SecurityObject[], after: readonly SecurityObject[]): number {
  const known = new Set(before);
  const texts = new Set(before.map((object) => JSON.stringify(object)));
  return after.filter((object) => !known.has(object) && !texts.has(JSON.stringify(object))).length;
}

const atStart = process.cpuUsage();
const start = performance.now();
let rendered = compile();
const cold = performance.now() - start;
const coldCpu = cpuSince(atStart);
let changesCpu = 0;
const { workloads, findings, objects, parts } = rendered;
const [changes, written]: [number[], number[]] = [[], []];
for (let turn = 1; turn <= warmUps + repetitions; turn += 1) {
  snapshot = withPolicy(authPolicy((turn * 7) % authPolicies, turn));
  const [used, begun] = [process.cpuUsage(), performance.now()];
  const next = compile();
  const [time, cpu] = [performance.now() - begun, cpuSince(used)];
  const count = differing(rendered.objects, next.objects);
  rendered = next;
  if (turn <= warmUps) continue;
  changes.push(time);
  changesCpu += cpu;
  written.push(count);
}
const result: MeshTimes = {
  cold,
  parts,
  cpu: [coldCpu, changesCpu],
  workloads,
  objects: objects.length,
  findings,
  changes,
  written,
};
process.stdout.write(JSON.stringify(result));
