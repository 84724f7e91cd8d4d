/** Worlds brought to life: their edges in one Envoy, their proxies in another, and a request sent through both. */
import { stringify } from 'yaml';
import { edgeIdentity } from '../../ir/child-name.ts';
import type { MeshReport } from '../../ir/mesh.ts';
import { type KubeObject, keyOf } from '../../kube/object.ts';
import { meshObjects } from '../../render/mesh.ts';
import { type Resolution, resolver } from '../../resolve/resolve.ts';
import { snapshotOf } from '../build.ts';
import type { JsonObject } from '../compile.ts';
import { mapStrings } from '../envoy-batch.ts';
import { type EnvoyVersion, istioOf } from '../envoy-versions.ts';
import type { HeaderPair, Received } from '../rig-request.ts';
import { meshAuthority } from './authority.ts';
import { type EdgeAnswer, type EdgeEnvoy, startEdgeEnvoy } from './edge-envoy.ts';
import type { Hosted } from './hosted.ts';
import { loopback } from './loopback.ts';
import { type MeshEnvoy, startMeshEnvoy } from './mesh-envoy.ts';
import { isOpaque, naiveInside } from './naive-inside.ts';
import type { IstioOracle, ListenerAnswer, ProxyQuestion } from './oracle.ts';
import type { InsideRequest, OutsideRequest } from './requests.ts';
import type { Tokens } from './tokens.ts';
import { services, type World, waypointName } from './worlds.ts';

export interface Judges {
  readonly oracle: IstioOracle;
  readonly edgeBinary: string;
  readonly meshBinary: string;
  readonly version: EnvoyVersion;
  readonly tokens: Tokens;
}

/** One request from outside, seen everywhere. */
export interface Seen {
  readonly edge: EdgeAnswer;
  /** Through the same gateway without any policy: what would be forwarded, were it admitted. */
  readonly open: EdgeAnswer;
  /** What the mesh says of that; undefined where nothing is forwarded. */
  readonly mesh: number | undefined;
}

/** One request within the mesh. */
export interface SeenInside {
  readonly mesh: number;
  readonly expected: ReturnType<typeof naiveInside>;
}

export interface Call extends Omit<InsideRequest, 'caller' | 'service'> {
  /** In plaintext when undefined. */
  readonly caller: string | undefined;
  /** Name of a Service, with `:PORT` for a port other than its first. */
  readonly service: string;
}

export interface Arena {
  outside(world: number, request: OutsideRequest): Promise<Seen>;
  /** The status. */
  inside(world: number, request: Call): Promise<number>;
  insideExpected(world: number, request: InsideRequest): SeenInside['expected'];
  /** Of the workload that the Service of this name belongs to. */
  reports(world: number, service: string): readonly MeshReport[];
  /** Whether some rule of the gateways is about what a regular expression or a query says: Istio knows neither. */
  isOpaque(world: number): boolean;
  /** Whether the workload of the Service of this name has issuers of its own. */
  looksAtTokens(world: number, service: string): boolean;
  /** Whether some Route was told that the mesh does not tell its requests from another's. */
  mistakes(world: number): boolean;
  stop(): Promise<void>;
}

export async function startArena(worlds: readonly World[], judges: Judges): Promise<Arena> {
  const settled = worlds.map((world, index) => settle(world, index, judges.tokens));
  const own = settled.flatMap(({ objects, twins, namespaces }) => [...namespaces, ...objects, ...twins]);
  const snapshot = snapshotOf([configMapOf(normalising), ...own]);
  const resolution = resolver()(snapshot);
  const address = loopback();
  const authority = meshAuthority();
  const hosted = await proxiesOf(worlds, settled, { resolution, judges, address });
  const gateways = [...resolution.gateways.values()];
  const edge = await startEdgeEnvoy({ binary: judges.edgeBinary, gateways, address });
  const mesh = await startMeshEnvoy({ binary: judges.meshBinary, hosted, authority }).catch(async (error: unknown) => {
    await edge.stop();
    throw error;
  });
  return arenaOf({ settled, worlds, resolution, edge, mesh, tokens: judges.tokens });
}

/** As the edge does it itself. */
const normalising = { pathNormalization: { normalization: 'DECODE_AND_MERGE_SLASHES' } };

/** Where Istio's own chart puts it. */
function configMapOf(meshConfig: JsonObject): KubeObject {
  const metadata = { name: 'istio', namespace: 'istio-system' };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { mesh: stringify(meshConfig) } } as KubeObject;
}

interface Settled {
  readonly namespace: string;
  readonly objects: readonly KubeObject[];
  /** The same gateways and Routes, without policies. */
  readonly twins: readonly KubeObject[];
  readonly namespaces: readonly KubeObject[];
}

function settle(world: World, index: number, tokens: Tokens): Settled {
  const namespace = `w${index}`;
  const twin = `t${index}`;
  const objects = world.objects.map((one) => placed(one, namespace, tokens));
  const twins = world.objects
    .filter(({ kind }) => kind !== 'AuthPolicy')
    .map((one) => placed(one.kind === 'ApiGateway' ? opened(one) : one, twin, tokens));
  const namespaces = [namespace, twin].map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }));
  return { namespace, objects, twins, namespaces };
}

function placed(object: KubeObject, namespace: string, { jwks }: Tokens): KubeObject {
  const filled = (text: string) =>
    text === 'JWKS-A' ? jwks.a : text === 'JWKS-B' ? jwks.b : text.replaceAll('WORLD', namespace);
  return mapStrings(object, filled) as KubeObject;
}

function opened(gateway: KubeObject): KubeObject {
  const { mesh: _, ...spec } = (gateway as { readonly spec?: Readonly<Record<string, unknown>> }).spec ?? {};
  return { ...gateway, spec: { ...spec, defaultAccess: 'Public' } } as KubeObject;
}

interface Surroundings {
  readonly resolution: Resolution;
  readonly judges: Judges;
  readonly address: () => string;
}

async function proxiesOf(
  worlds: readonly World[],
  settled: readonly Settled[],
  { resolution, judges, address }: Surroundings,
): Promise<readonly Hosted[]> {
  const istioVersion = istioOf[judges.version];
  const questions = worlds.map(({ mode }, index): readonly ProxyQuestion[] => {
    const namespace = settled[index]?.namespace ?? '';
    if (mode === 'Waypoint') return [{ kind: 'waypoint', namespace, name: waypointName, istioVersion }];
    const pod = (name: string) => ({ namespace, name: `${name}-0`, labels: { app: name }, istioVersion });
    return services.map((name) => ({ kind: 'sidecar', ...pod(name) }));
  });
  const written = [...resolution.mesh.workloads.values()].flatMap((workload) => meshObjects(workload, 'evengate'));
  const known = settled.flatMap(({ objects }) => objects).filter(({ kind }) => kind === 'Service');
  const objects = [...known, ...written];
  const answers = [...(await judges.oracle.ask({ objects, meshConfig: normalising, proxies: questions.flat() }))];
  return worlds.flatMap(({ mode }, index) => {
    const own = answers.splice(0, questions[index]?.length ?? 0) as readonly ListenerAnswer[];
    const namespace = settled[index]?.namespace ?? '';
    const ports = (name: string) => portsOf(known, keyOf(namespace, name));
    const each = services.flatMap((name, at) => ports(name).map((port, turn) => ({ name, at, port, turn })));
    return each.map(({ name, at, port, turn }): Hosted => {
      const id = turn === 0 ? `${namespace}/${name}` : `${namespace}/${name}:${port.port}`;
      const place = { id, address: address() };
      const listener = own[mode === 'Sidecar' ? at : 0]?.listener ?? {};
      if (mode === 'Sidecar') return { ...place, kind: 'sidecar', port: port.targetPort, listener };
      return { ...place, kind: 'waypoint', service: `${name}.${namespace}`, port: port.port, listener };
    });
  });
}

interface ServicePort {
  readonly port: number;
  readonly targetPort: number;
}

function portsOf(known: readonly KubeObject[], key: string): readonly ServicePort[] {
  const found = known.find(({ metadata }) => keyOf(metadata.namespace ?? '', metadata.name) === key);
  return (found as { readonly spec?: { readonly ports: readonly ServicePort[] } } | undefined)?.spec?.ports ?? [];
}

interface Parts {
  readonly settled: readonly Settled[];
  readonly worlds: readonly World[];
  readonly resolution: Resolution;
  readonly edge: EdgeEnvoy;
  readonly mesh: MeshEnvoy;
  readonly tokens: Tokens;
}

function arenaOf({ settled, worlds, resolution, edge, mesh, tokens }: Parts): Arena {
  const namespaceOf = (world: number) => settled[world]?.namespace ?? '';
  return {
    ...knowledge(resolution, namespaceOf),
    isOpaque: (world) => isOpaque(resolution, namespaceOf(world)),
    async outside(world, request) {
      const name = gatewayOf(worlds[world], request);
      const message = { ...messageOf(request, namespaceOf(world), tokens), from: request.from };
      const through = (namespace: string) => edge.send({ ...message, gateway: keyOf(namespace, name) });
      const [closed, open] = await Promise.all([through(`w${world}`), through(`t${world}`)]);
      const forwarded = closed.received ?? open.received;
      const identity = edgeIdentity({ kind: 'ApiGateway', namespace: namespaceOf(world), name }, 'cluster.local');
      const status = forwarded && (await replay(mesh, forwarded, { identity, world: namespaceOf(world) }));
      return { edge: closed, open, mesh: status };
    },
    inside(world, { caller, service, ...request }) {
      const namespace = namespaceOf(world);
      const identity = caller?.replaceAll('WORLD', namespace);
      return mesh.send({ to: `${namespace}/${service}`, identity, ...messageOf(request, namespace, tokens) });
    },
    insideExpected: (world, request) => naiveInside(resolution, { namespace: namespaceOf(world), request, tokens }),
    stop: async () => void (await Promise.all([edge.stop(), mesh.stop()])),
  };
}

/** Name of the gateway that a request is sent to. */
export function gatewayOf(world: World | undefined, { gateway }: OutsideRequest): string {
  const names = (world?.objects ?? []).filter(({ kind }) => kind === 'ApiGateway').map(({ metadata }) => metadata.name);
  return names[gateway % names.length] ?? '';
}

type Knowledge = Pick<Arena, 'reports' | 'looksAtTokens' | 'mistakes'>;

function knowledge({ mesh }: Resolution, namespaceOf: (world: number) => string): Knowledge {
  const workloadOf = (world: number, service: string) =>
    [...mesh.workloads.values()].find((one) => one.namespace === namespaceOf(world) && one.services.includes(service));
  return {
    reports(world, service) {
      const key = workloadOf(world, service)?.key;
      return [...mesh.reports.values()].flat().filter(({ workload }) => workload === key);
    },
    looksAtTokens: (world, service) => (workloadOf(world, service)?.issuers.length ?? 0) > 0,
    mistakes: (world) =>
      mesh.findings.some(
        ({ about, reason }) =>
          about.kind === 'Route' && about.namespace === namespaceOf(world) && reason === 'NotTranslatable',
      ),
  };
}

type Form = Pick<OutsideRequest, 'method' | 'target' | 'host' | 'headers' | 'tokens'>;

function messageOf({ method, target, host, headers, tokens }: Form, namespace: string, { text }: Tokens) {
  const authorization = tokens.map((name): HeaderPair => ['authorization', `Bearer ${text[name]}`]);
  const own = headers.map(([name, value]): HeaderPair => [name, value.replaceAll('WORLD', namespace)]);
  const length: readonly HeaderPair[] = ['POST', 'PUT', 'PATCH'].includes(method) ? [['content-length', '0']] : [];
  return { method, target, headers: [['host', host] as const, ...authorization, ...own, ...length] };
}

interface Forwarding {
  readonly identity: string;
  /** Namespace. */
  readonly world: string;
}

/** As the backend got it, byte by byte, but for what frames a body that is not there. */
function replay(
  mesh: MeshEnvoy,
  { service, method, path, headers }: Received,
  { identity, world }: Forwarding,
): Promise<number> {
  const framing = ['transfer-encoding', 'content-length'];
  const kept = headers.filter(([name]) => !framing.includes(name.toLowerCase()));
  const to = `${world}/${service.split('/')[1] ?? ''}`;
  return mesh.send({ to, identity, method, target: path, headers: kept });
}
