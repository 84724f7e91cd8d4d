/** What is left in the end, without what differs from run to run: times, numbers of publications, names of Pods. */
import { isDeepStrictEqual } from 'node:util';
import type { ConfigMap } from '../../../src/kube/core.ts';
import type { KubeObject } from '../../../src/kube/object.ts';
import { revisionOf } from '../../../src/render/edge.ts';
import { drainHeader } from '../../../src/render/envoy-process.ts';
import { until } from './until.ts';
import type { World } from './world.ts';

const ours = ['ApiGateway', 'Route', 'AuthPolicy', 'RateLimitPolicy'];
const children = ['ServiceAccount', 'ConfigMap', 'Deployment', 'Service', 'PodDisruptionBudget', 'NetworkPolicy'];
const managed = 'app.kubernetes.io/managed-by=evengate';

type Dump = Readonly<Record<string, unknown>>;

/** Derived from the uid of the ApiGateway, which is another one when it is made anew. */
const ofUid = ['evengate.dev/bootstrap'];
const drainToken = /"exact": ?"[0-9a-f]{32}"/g;

/** Children with their content, and the statuses of our kinds, by kind and name; when nothing of it moves any more. */
export async function dump(world: World): Promise<Dump> {
  let last = await take(world);
  const truth = async () => {
    const [said, placed] = [(await world.get('ApiGateway', 'edge'))?.status?.['revision'], await placedRevision(world)];
    return said === placed ? true : { said, placed };
  };
  await until('the status tells of what is in place', async () => (await truth()) === true, { seen: truth });
  return until(
    'the world is at rest',
    async () => {
      const before = last;
      last = await take(world);
      return isDeepStrictEqual(before, last) && last;
    },
    { everyMs: 1500 },
  );
}

/** `revision` as the versions of all files in place give it. */
async function placedRevision(world: World): Promise<string> {
  const found = await world.list<ConfigMap>('ConfigMap', managed);
  const told = found.filter(({ metadata }) => /-config-\d+$/.test(metadata.name));
  const files = told
    .flatMap(({ data = {} }) => Object.entries(data))
    .flatMap(([name, text]) => {
      const [, hash] = /^\{"version_info":"([0-9a-f]+)~?\.\d+"/.exec(text) ?? [];
      return hash === undefined ? [] : [{ name, hash }];
    });
  return revisionOf(files);
}

async function take(world: World): Promise<Dump> {
  const entries: [string, unknown][] = [];
  for (const kind of children) {
    for (const child of await world.list<KubeObject>(kind, managed)) {
      entries.push([`${kind} ${child.metadata.name}`, plain(kind === 'ConfigMap' ? contentOf(child) : partsOf(child))]);
    }
  }
  for (const kind of ours) {
    for (const { metadata, status } of await world.list(kind)) {
      const { generation } = metadata;
      entries.push([`${kind} ${metadata.name}`, current(plain(status), generation)]);
    }
  }
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function partsOf({ metadata: { labels }, ...child }: KubeObject): object {
  const { spec } = child as { readonly spec?: object };
  // The API server's own choice.
  return { labels, spec: { ...spec, clusterIP: '', clusterIPs: '' } };
}

/** Only what Envoys find: which of several ConfigMaps holds a file is nobody's business. */
function contentOf({ data = {}, binaryData = {} }: ConfigMap): object {
  const files = Object.entries({ ...data, ...binaryData }).filter(([name]) => /\.(json|pb)$/.test(name));
  return Object.fromEntries(
    files.map(([name, text]) => [
      name,
      text.replaceAll(version, '"$1"').replaceAll('/./', '/').replaceAll(drainToken, ''),
    ]),
  );
}

/** `"<hash>.<number>"`; a certificate that came late is told once more in another spelling of its path, after a `~`. */
const version = /"([0-9a-f]{16})~?\.\d+"/g;
const times = /^(last\w*Time|\w*Timestamp|nodePort|healthCheckNodePort)$/;

function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  if ('name' in value && value.name === drainHeader) return { name: drainHeader };
  const entries = Object.entries(value).filter(([name]) => !times.test(name) && !ofUid.includes(name));
  return Object.fromEntries(entries.map(([name, child]) => [name, plain(child)]));
}

/** Generations differ with the number of changes; whether the last one was seen does not. */
function current(value: unknown, generation: number | undefined): unknown {
  const text = JSON.stringify(value, (key, child: unknown) => {
    if (key !== 'observedGeneration') return child;
    return child === generation ? 'current' : child;
  });
  return text === undefined ? undefined : JSON.parse(text);
}
