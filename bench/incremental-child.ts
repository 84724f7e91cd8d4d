/** Prints the times of changes, each made 50 times to a world of 10,000 Routes. */
import process from 'node:process';
import { type KubeObject, objectKey } from '../src/kube/object.ts';
import type { Snapshot } from '../src/kube/snapshot.ts';
import { edgeRenderer } from '../src/render/edge.ts';
import { resolver } from '../src/resolve/resolve.ts';
import { inCluster } from './placement.ts';
import { fullSize, route, snapshotOf, worldOf } from './world.ts';

export interface Change {
  readonly name: string;
  /** Milliseconds of each repetition. */
  readonly wall: readonly number[];
  /** Milliseconds of all together. */
  readonly cpu: number;
}

const repetitions = 50;
const warmUps = 20;

type Kind = 'Route' | 'AuthPolicy' | 'Service';

/** The snapshot with one object put in place, or without the one of that name. */
function change(snapshot: Snapshot, kind: Kind, key: string, object: KubeObject | undefined): Snapshot {
  const collection = new Map<string, KubeObject>(snapshot[kind]);
  if (object === undefined) collection.delete(key);
  else collection.set(key, object);
  return { ...snapshot, [kind]: collection };
}

const resolve = resolver();
const render = edgeRenderer(inCluster);
let snapshot = snapshotOf(worldOf(fullSize));
let revision = '';

function compile(): string {
  const { gateways } = resolve(snapshot);
  return [...gateways.values()].map((gateway) => render(gateway).revision).join();
}

/** `make` gives the snapshot after the n-th change; making it is not counted, as a watch does that. */
function measure(name: string, changesOutput: boolean, make: (turn: number) => Snapshot): Change {
  const wall: number[] = [];
  let cpu = 0;
  for (let turn = 0; turn < warmUps + repetitions; turn += 1) {
    snapshot = make(turn);
    const used = process.cpuUsage();
    const start = performance.now();
    const next = compile();
    const time = performance.now() - start;
    const { user, system } = process.cpuUsage(used);
    if ((next !== revision) !== changesOutput)
      throw new Error(`${name}: the revision went from ${revision} to ${next}`);
    revision = next;
    if (turn < warmUps) continue;
    wall.push(time);
    cpu += (user + system) / 1000;
  }
  return { name, wall, cpu };
}

function changedPolicy(turn: number): Snapshot {
  const key = 'team-7/host-7';
  const policy = snapshot.AuthPolicy.get(key);
  if (policy === undefined) throw new Error(`there is no AuthPolicy ${key}`);
  const authorize = { allow: [{ name: 'readers', to: [{ methods: [turn % 2 === 0 ? 'GET' : 'HEAD'] }] }] };
  return change(snapshot, 'AuthPolicy', key, { ...policy, spec: { ...(policy.spec as object), authorize } });
}

function addedService(turn: number): Snapshot {
  const metadata = { name: `new-${turn}`, namespace: 'team-0' };
  const service = { apiVersion: 'v1', kind: 'Service', metadata, spec: { ports: [{ port: 80 }] } };
  return change(snapshot, 'Service', `team-0/new-${turn}`, service);
}

revision = compile();
const changes = [
  measure('one Route changed', true, (turn) => {
    const object = route(turn * 7, 3, turn + 1);
    return change(snapshot, 'Route', objectKey(object), object);
  }),
  measure('one Route added or removed', true, (turn) => {
    const object = route(Math.floor(turn / 2), 10);
    return change(snapshot, 'Route', objectKey(object), turn % 2 === 0 ? object : undefined);
  }),
  measure('one AuthPolicy changed (10 Routes)', true, changedPolicy),
  measure('one Service added', false, addedService),
];
process.stdout.write(JSON.stringify(changes));
