/** What a support bundle holds of a cluster: objects, what became of them, logs, and what Envoys are told and say. */
import { bodiesIn } from '../../delivery/configmap/store.ts';
import type { Client, ResourceType } from '../../kube/client.ts';
import type { ConfigMap } from '../../kube/core.ts';
import { describeRef, type KubeObject, keyOf, type ObjectRef, refOf } from '../../kube/object.ts';
import type { Pod } from '../../kube/pod.ts';
import { resources } from '../../kube/resources.ts';
import { ports } from '../../render/envoy-process.ts';
import { bootstrapConfigMapName, configMapNames, podSelector } from '../../render/names.ts';
import type { ClusterReading } from '../manifests/cluster.ts';
import { type Bundle, fileName } from './bundle.ts';
import { writeMesh } from './mesh.ts';

export interface GatherOptions {
  readonly client: Client;
  readonly reading: ClusterReading;
  /** All when absent. */
  readonly namespace?: string | undefined;
  /** Lines of each log. */
  readonly logLines: number;
}

const ownKinds = ['ApiGateway', 'Route', 'AuthPolicy', 'RateLimitPolicy'] as const;
const besides = ['Service', 'Namespace', 'ReferenceGrant'] as const;
const childTypes: readonly ResourceType[] = [
  resources.Deployment,
  resources.Service,
  resources.ServiceAccount,
  resources.PodDisruptionBudget,
  resources.HorizontalPodAutoscaler,
  resources.NetworkPolicy,
];
/** Of install.yaml and the chart. */
const operatorSelector = 'app.kubernetes.io/name=evengate';

export async function gather(bundle: Bundle, options: GatherOptions): Promise<void> {
  const { reading } = options;
  for (const note of reading.notes) bundle.note(note);
  writeSnapshot(bundle, options);
  const gateways = [...reading.set.snapshot.ApiGateway.values()].map(refOf).filter(isWithin(options));
  await Promise.all([
    versions(bundle, options),
    named(bundle, options),
    operators(bundle, options),
    events(bundle, options),
    children(bundle, options),
    ...gateways.map((gateway) => envoys(bundle, gateway, options)),
  ]);
}

function isWithin({ namespace: only }: GatherOptions): (ref: ObjectRef) => boolean {
  return ({ namespace }) => only === undefined || namespace === only;
}

/** Our kinds; and of what they may name, what is in their namespaces. */
function writeSnapshot(bundle: Bundle, options: GatherOptions): void {
  const { set, resolution } = options.reading;
  const { snapshot } = set;
  const own = ownKinds.flatMap((kind) => [...snapshot[kind].values()]).filter((one) => isWithin(options)(refOf(one)));
  const namespaces = new Set(own.map(({ metadata }) => metadata.namespace ?? ''));
  const others = besides
    .flatMap((kind) => [...snapshot[kind].values()])
    .filter(({ kind, metadata }) => namespaces.has(kind === 'Namespace' ? metadata.name : (metadata.namespace ?? '')));
  for (const object of [...own, ...others]) bundle.object(object);
  writeMesh(bundle, snapshot, resolution, namespaces);
}

async function versions(bundle: Bundle, { client }: GatherOptions): Promise<void> {
  const version = await bundle.attempt('get /version', () => client.text({ path: '/version' }));
  if (version !== undefined) bundle.text('kubernetes-version.json', version);
  for (const kind of ownKinds) {
    const name = `${resources[kind].plural}.${resources[kind].group}`;
    const found = await bundle.attempt(`get CustomResourceDefinition ${name}`, () =>
      client.get(resources.CustomResourceDefinition, { name }),
    );
    // Its schema is ours: which one it is, its status and annotations tell.
    if (found !== undefined) bundle.object({ ...found, spec: versionsOf(found) });
  }
}

function versionsOf({ spec }: KubeObject): object {
  const { versions: all = [] } = (spec ?? {}) as { readonly versions?: readonly { readonly name?: string }[] };
  return { versions: all.map(({ name }) => name) };
}

/** Secrets and ConfigMaps that objects name: their keys, and how much each holds. */
async function named(bundle: Bundle, options: GatherOptions): Promise<void> {
  const { client, reading } = options;
  const { references } = reading.resolution;
  const secrets = new Set([...references.certificates().keys(), ...references.keySets('Secret').keys()]);
  const all = [
    ...[...secrets].map((key) => ({ key, type: resources.Secret })),
    ...[...references.keySets('ConfigMap').keys()].map((key) => ({ key, type: resources.ConfigMap })),
  ];
  const parts = (key: string) => ({ namespace: key.slice(0, key.indexOf('/')), name: key.slice(key.indexOf('/') + 1) });
  const wanted = all.map(({ key, type }) => ({ type, name: parts(key) }));
  await Promise.all(
    wanted
      .filter(({ name }) => isWithin(options)({ kind: '', ...name }))
      .map(async ({ type, name }) => {
        const what = `get ${type.kind} ${keyOf(name.namespace, name.name)}`;
        const found = await bundle.attempt(what, () => client.get<ConfigMap>(type, name));
        if (found === undefined) return;
        // Of a ConfigMap of the user's as of a Secret: whoever has put a private key there has put one.
        const { data = {}, binaryData = {}, ...rest } = found;
        if (type === resources.Secret) bundle.object(found);
        else bundle.object({ ...rest, data: sizesOf(data), binaryData: sizesOf(binaryData, 'base64') } as KubeObject);
      }),
  );
}

function sizesOf(data: Readonly<Record<string, string>>, encoding: BufferEncoding = 'utf8'): object {
  const size = (text: string) => `${Buffer.byteLength(text, encoding)} bytes`;
  return Object.fromEntries(Object.entries(data).map(([name, text]) => [name, size(text)]));
}

async function operators(bundle: Bundle, options: GatherOptions): Promise<void> {
  const { client } = options;
  const list = <T extends KubeObject>(type: ResourceType) =>
    bundle.attempt(`list ${type.plural} in all namespaces: the operator's are missing`, () =>
      client.list<T>(type, { labelSelector: operatorSelector }),
    );
  const [deployments = [], pods = []] = await Promise.all([list(resources.Deployment), list<Pod>(resources.Pod)]);
  for (const one of [...deployments, ...pods]) bundle.object(one);
  if (pods.length === 0) bundle.note(`no pod has the label ${operatorSelector}: no log of an operator`);
  await Promise.all(pods.map((pod) => logs(bundle, pod, options)));
}

/** Those about our kinds and what was made of them. */
async function events(bundle: Bundle, { client, namespace, reading }: GatherOptions): Promise<void> {
  const found = await bundle.attempt('list events.events.k8s.io', () =>
    client.list<EventObject>(resources.Event, namespace === undefined ? {} : { namespace }),
  );
  const { snapshot } = reading.set;
  const names = new Set(ownKinds.flatMap((kind) => [...snapshot[kind].values()].map((one) => describeRef(refOf(one)))));
  const isOurs = ({ regarding: { kind = '', namespace: of = '', name = '' } = {} }: EventObject) =>
    names.has(describeRef({ kind, namespace: of, name })) || /^(edge|evengate)-/.test(name);
  const ours = (found ?? []).filter(isOurs);
  for (const [of, some] of Map.groupBy(ours, ({ metadata }) => metadata.namespace ?? '')) {
    bundle.value(`events/${of}.yaml`, some);
  }
}

interface EventObject extends KubeObject {
  readonly regarding?: { readonly kind?: string; readonly namespace?: string; readonly name?: string };
}

async function children(bundle: Bundle, { client, namespace }: GatherOptions): Promise<void> {
  const labelSelector = 'app.kubernetes.io/managed-by=evengate';
  const where = namespace === undefined ? {} : { namespace };
  const place = namespace === undefined ? 'all namespaces' : `namespace ${namespace}`;
  const lists = childTypes.map((type) =>
    bundle.attempt(`list ${type.plural} in ${place}`, () => client.list(type, { labelSelector, ...where })),
  );
  for (const one of (await Promise.all(lists)).flatMap((list) => list ?? [])) bundle.object(one);
}

/** What they are told, as it lies there; their statistics and logs. */
async function envoys(bundle: Bundle, gateway: ObjectRef, options: GatherOptions): Promise<void> {
  const { client } = options;
  const { namespace, name } = gateway;
  const folder = `envoy/${namespace}/${fileName(name)}`;
  const maps = [bootstrapConfigMapName(gateway), ...configMapNames(gateway)].map(async (own) => {
    const what = `get ConfigMap ${namespace}/${own}`;
    const found = await bundle.attempt(what, () =>
      client.get<ConfigMap>(resources.ConfigMap, { namespace, name: own }),
    );
    for (const [file, body] of found === undefined ? [] : bodiesIn(found))
      configuration(bundle, `${folder}/${file}`, body);
  });
  const pods = await bundle.attempt(`list pods in namespace ${namespace}`, () =>
    client.list<Pod>(resources.Pod, { namespace, labelSelector: selectorOf(gateway) }),
  );
  await Promise.all([
    ...maps,
    ...(pods ?? []).map(async (pod) => {
      bundle.object(pod);
      const path = `/api/v1/namespaces/${namespace}/pods/${pod.metadata.name}:${ports.operations}/proxy/stats`;
      const stats = await bundle.attempt(`get pods/proxy of ${keyOf(namespace, pod.metadata.name)}`, () =>
        client.text({ path }),
      );
      if (stats !== undefined) bundle.text(`${folder}/stats-${pod.metadata.name}.txt`, stats);
      await logs(bundle, pod, options);
    }),
  ]);
}

function selectorOf(gateway: ObjectRef): string {
  return Object.entries(podSelector(gateway))
    .map(([label, value]) => `${label}=${value}`)
    .join();
}

function configuration(bundle: Bundle, path: string, body: string | Uint8Array): void {
  if (typeof body !== 'string') {
    bundle.text(
      `${path}.txt`,
      `${body.byteLength} bytes of protobuf, left out; \`evengate render\` shows the same as JSON.\n`,
    );
    return;
  }
  try {
    bundle.value(`${path.replace(/\.json$/, '')}.yaml`, JSON.parse(body));
  } catch {
    bundle.note(`${path} is no JSON, and is left out`);
  }
}

/** Of every container, and of its last life where it ended. */
async function logs(bundle: Bundle, pod: Pod, { client, logLines }: GatherOptions): Promise<void> {
  const { namespace = '', name } = pod.metadata;
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  const states = [...containerStatuses, ...initContainerStatuses];
  const restarted = (container: string) => states.some((one) => one.name === container && (one.restartCount ?? 0) > 0);
  for (const { name: container } of [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])]) {
    for (const previous of restarted(container) ? [false, true] : [false]) {
      const query = new URLSearchParams({
        container,
        tailLines: String(logLines),
        ...(previous ? { previous: 'true' } : {}),
      });
      const path = `/api/v1/namespaces/${namespace}/pods/${name}/log?${query.toString()}`;
      const text = await bundle.attempt(`get the log of ${container} in Pod ${namespace}/${name}`, () =>
        client.text({ path }),
      );
      const file = `logs/${namespace}/${fileName(name)}/${container}${previous ? '-previous' : ''}.log`;
      if (text !== undefined) bundle.text(file, text);
    }
  }
}
