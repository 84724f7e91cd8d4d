/** Statuses as an API server got them from the operator: of every golden case, and of a shop on a bad day. */
import events from 'node:events';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { KubeObject } from '../../../src/kube/object.ts';
import { backendRef } from '../../../src/testing/build.ts';
import { type OperatorRig, operatorRig, type RigOptions } from '../../../src/testing/operator/rig.ts';
import { guardFor, pathRoute, shopChanges, shopGateway } from '../../../src/testing/operator/shop.ts';
import { tell } from '../../../src/testing/operator/story.ts';
import type { Reported } from '../../operator/lib/world.ts';

const root = join(import.meta.dirname, '../../..');

/** Only Node's own modules are the same objects in all test files of a process. */
const key = Symbol.for('evengate.statuses');
const holder = events as unknown as { [key]?: Promise<readonly Reported[]> };

/** For each status that was ever written, the object as it was then. Runs once a process, for some seconds. */
export function recordedStatuses(): Promise<readonly Reported[]> {
  holder[key] ??= recordAll();
  return holder[key];
}

async function recordAll(): Promise<readonly Reported[]> {
  const cases = globSync('src/{features,testing}/**/golden/*/in.yaml', { cwd: root }).sort();
  const runs: readonly (readonly [(rig: OperatorRig) => Promise<unknown>, RigOptions?])[] = [
    ...cases.map((path) => [(rig: OperatorRig) => serve(rig, objectsOf(join(root, path)))] as const),
    [(rig) => tell(rig, { steps: badDay })],
    [(rig) => tell(rig), { deployments: { ready: () => false } }],
    [refusing],
  ];
  const recorded: Reported[] = [];
  for (const [run, options] of runs) recorded.push(...(await record(run, options)));
  return recorded;
}

/** Documents of a file of manifests. */
export function objectsOf(path: string): readonly KubeObject[] {
  return parseAllDocuments(readFileSync(path, 'utf8')).map((document) => document.toJS() as KubeObject);
}

/** What people do wrong, and mend. */
const badDay = [
  ...shopChanges,
  (api) => api.put(pathRoute('orders', { backendRefs: [backendRef({ name: 'missing' })] })),
  (api) => api.put(pathRoute('orders', { backendRefs: [backendRef({ weight: -1 })] })),
  (api) => api.put(pathRoute('orders')),
  (api) => api.put(guardFor('orders', { authorize: { allow: 'everybody' } })),
  (api) => api.put(guardFor('orders')),
  (api) => api.put(shopGateway({ listeners: [] })),
  (api) => api.put(shopGateway()),
] satisfies typeof shopChanges;

async function serve(rig: OperatorRig, objects: readonly KubeObject[]): Promise<void> {
  for (const object of objects) rig.api.create(object);
  rig.start({ readSecrets: true });
  await rig.quiet();
}

/** Envoy takes nothing that is new. */
async function refusing(rig: OperatorRig): Promise<void> {
  await tell(rig, {
    opened: ({ pods }) => {
      pods.refuses = () => 'no such thing';
    },
  });
}

async function record(run: (rig: OperatorRig) => Promise<unknown>, options: RigOptions = {}) {
  const rig = await operatorRig(options);
  try {
    await run(rig);
    const written = rig.writes().filter(({ subresource }) => subresource === 'status');
    return written.flatMap(({ after }) => (after === undefined ? [] : [after as unknown as Reported]));
  } finally {
    await rig.stop();
  }
}
