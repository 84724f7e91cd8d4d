/** One Envoy process that serves every gateway of a set of manifests, each port at a free one of this machine. */
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { assemble } from '../controllers/manifests/assemble.ts';
import { parseFile } from '../controllers/manifests/parse.ts';
import { stateBefore, subscription, waitForVersions } from '../delivery/envoy/acknowledge.ts';
import { writeAtomically } from '../delivery/envoy/files.ts';
import { type EnvoyProcess, startEnvoy } from '../delivery/envoy/process.ts';
import { fileSource } from '../envoy/listener.ts';
import { pem } from '../features/listeners/certificate.ts';
import type { Gateway } from '../ir/gateway.ts';
import type { Placement } from '../ir/placement.ts';
import { keyOf, type ObjectRef } from '../kube/object.ts';
import type { Snapshot } from '../kube/snapshot.ts';
import { statsConfig } from '../render/bootstrap.ts';
import { type EdgeFile, edgeRenderer } from '../render/edge.ts';
import { meshSecrets } from '../render/mesh-identity.ts';
import { chainOfTable } from '../render/names.ts';
import { type Resolution, resolver } from '../resolve/resolve.ts';
import { AccessLines } from './access-lines.ts';
import { freePort } from './ports.ts';
import type { Backends } from './rig-backends.ts';

export interface Fleet {
  /** Resolves when Envoy has taken all of it; throws when it refuses any of it, or when the manifests have errors. */
  apply(text: string, broken: boolean): Promise<void>;
  resolution(): Resolution;
  portOf(port: number): number;
  stats(filter: string): Promise<ReadonlyMap<string, number | string>>;
  /** As Prometheus gets them. */
  scrape(): Promise<string>;
  readonly accessLog: AccessLines;
  stop(): Promise<void>;
}

interface FleetOptions {
  readonly binary: string;
  readonly directory: string;
  readonly backends: Backends;
  /** Ports of this machine by `namespace/service:port`; the rig's own backends otherwise. */
  readonly servers: ReadonlyMap<string, number>;
  /** Where the certificate of a mesh is, as Istio's agent writes it. */
  readonly identity: string | undefined;
}

export async function startFleet({ binary, directory, backends, servers, identity }: FleetOptions): Promise<Fleet> {
  const place: Folders = { xds: join(directory, 'xds'), certificates: join(directory, 'certificates') };
  const ports = new Map<number, number>();
  const resolve = resolver();
  let envoy: EnvoyProcess | undefined;
  let current: Resolution | undefined;
  let publication = 0;
  const accessLog = new AccessLines();
  return {
    accessLog,
    resolution: () => current ?? missing(),
    portOf: (port) => ports.get(port) ?? missing(),
    stats: async (filter) => (envoy ?? missing()).admin.stats(filter),
    scrape: async () => get((envoy ?? missing()).adminSocket, '/stats/prometheus'),
    stop: async () => envoy?.stop(),
    async apply(text, broken) {
      publication += 1;
      const { snapshot, resolution } = compile(text, resolve, broken);
      const gateways = [...resolution.gateways.values()];
      await addPorts(ports, gateways);
      const placement = await placementFor(gateways, ports, { folders: place, backends, servers, identity });
      const edges = gateways.map((gateway) => edgeRenderer(placement)(gateway));
      for (const edge of edges) await writeCertificates(place.certificates, edge.certificates, snapshot);
      const files = merged(edges.flatMap((edge) => edge.files));
      const version = (file: EdgeFile) => `${file.hash}@${publication}`;
      const before = envoy === undefined ? { refused: new Map(), mark: 0 } : await stateBefore(envoy.admin, envoy.log);
      const told = files.map((file) => [file.name, file.text(version(file))] as const);
      await writeAtomically(place.xds, new Map([...told, ...(identity === undefined ? [] : meshSecrets(identity))]));
      envoy ??= await launch({ binary, directory, xds: place.xds, accessLog });
      const expected = new Map(files.map((file) => [statsRoot(file), version(file)]));
      const outcome = await waitForVersions({ admin: envoy.admin, expected, before, log: envoy.log });
      if (!outcome.acknowledged) throw new Error(`Envoy did not take it: ${JSON.stringify(outcome)}`);
      await untilServing(envoy, gateways);
      current = resolution;
    },
  };
}

interface Folders {
  readonly xds: string;
  readonly certificates: string;
}

function compile(text: string, resolve: (snapshot: Snapshot) => Resolution, broken: boolean) {
  const set = assemble([parseFile({ path: 'test.yaml', text })]);
  const resolution = resolve(set.snapshot);
  const errors = [...set.findings, ...resolution.findings].filter(({ severity }) => severity === 'error');
  const sentences = [
    ...set.problems.map(({ message }) => message),
    ...(broken ? [] : errors.map(({ about, at, message }) => `${about.kind} ${about.name} ${at}: ${message}`)),
  ];
  if (sentences.length > 0) throw new Error(`the manifests of the test are wrong:\n${sentences.join('\n')}`);
  return { snapshot: set.snapshot, resolution };
}

/** Several gateways in one Envoy: their ports must differ, then only these two files are shared. */
function merged(files: readonly EdgeFile[]): readonly EdgeFile[] {
  const byName = new Map<string, EdgeFile>();
  for (const file of files) {
    const other = byName.get(file.name);
    byName.set(file.name, other === undefined ? file : both(other, file));
  }
  return [...byName.values()];
}

interface Response {
  readonly resources: readonly { readonly name: string }[];
}

function both(a: EdgeFile, b: EdgeFile): EdgeFile {
  return {
    ...a,
    hash: a.hash === b.hash ? a.hash : `${a.hash}-${b.hash}`,
    text(version_info) {
      const all = [a, b].flatMap((file) => (JSON.parse(file.text('')) as Response).resources);
      const resources = [...new Map(all.map((resource) => [resource.name, resource])).values()];
      return JSON.stringify({ version_info, resources });
    },
  };
}

function statsRoot({ subscription: { kind, ...rest } }: EdgeFile): string {
  const name = 'name' in rest ? rest.name : '';
  switch (kind) {
    case 'lds':
    case 'cds':
      return subscription[kind];
    case 'rds':
      return subscription.rds(chainOfTable(name), name);
    case 'ecds':
    case 'sds':
      return subscription[kind](name);
  }
}

async function addPorts(ports: Map<number, number>, gateways: readonly Gateway[]): Promise<void> {
  for (const { port } of gateways.flatMap(({ chains }) => chains)) {
    if (!ports.has(port)) ports.set(port, await freePort());
  }
}

interface Surroundings extends Pick<FleetOptions, 'backends' | 'servers' | 'identity'> {
  readonly folders: Folders;
}

async function placementFor(
  gateways: readonly Gateway[],
  ports: ReadonlyMap<number, number>,
  { folders, backends, servers: given, identity }: Surroundings,
): Promise<Placement> {
  const used = gateways.flatMap(({ chains }) => chains.flatMap(({ uses }) => uses.backends));
  const servers = new Map(given);
  for (const backend of used) {
    if (!servers.has(keyFor(backend)) && !backend.service.startsWith('empty'))
      servers.set(keyFor(backend), await backends.portOf(backend));
  }
  return {
    directory: folders.xds,
    certificates: folders.certificates,
    ...(identity === undefined ? {} : { identity }),
    trustedCertificates: '/etc/ssl/certs/ca-certificates.crt',
    sharePorts: false,
    bind: (_gateway, port) => ({ address: '127.0.0.1', port: ports.get(port) ?? 0 }),
    endpoints: (backend) => {
      const port = servers.get(keyFor(backend));
      return { kind: 'addresses', addresses: port === undefined ? [] : [{ host: '127.0.0.1', port }] };
    },
  };
}

function keyFor({ namespace, service, port }: { namespace: string; service: string; port: number }): string {
  return `${namespace}/${service}:${port}`;
}

async function writeCertificates(folder: string, secrets: readonly ObjectRef[], snapshot: Snapshot): Promise<void> {
  for (const { namespace, name } of secrets) {
    const secret = snapshot.Secret.get(keyOf(namespace, name));
    const directory = join(folder, `${namespace}.${name}`);
    await mkdir(directory, { recursive: true });
    for (const file of ['tls.crt', 'tls.key']) {
      await writeFile(join(directory, file), secret === undefined ? '' : (pem(secret, file) ?? ''));
    }
  }
}

interface Launch {
  readonly binary: string;
  readonly directory: string;
  readonly xds: string;
  readonly accessLog: AccessLines;
}

function launch({ binary, directory, xds, accessLog }: Launch): Promise<EnvoyProcess> {
  return startEnvoy({
    binary,
    directory,
    env: process.env,
    concurrency: 1,
    onExit: (exit) => process.stderr.write(`Envoy ended: ${JSON.stringify(exit)}\n`),
    log: () => undefined,
    accessLog: (line) => accessLog.add(line),
    bootstrap: {
      node: { id: 'rig', cluster: 'rig' },
      dynamic_resources: { lds_config: fileSource(xds, 'lds.json'), cds_config: fileSource(xds, 'cds.json') },
      stats_config: statsConfig({ kind: 'ApiGateway', namespace: 'shop', name: 'edge' }),
    },
  });
}

async function get(socketPath: string, path: string): Promise<string> {
  const [answer] = (await once(request({ socketPath, path, agent: false }).end(), 'response')) as [IncomingMessage];
  return text(answer);
}

async function untilServing(envoy: EnvoyProcess, gateways: readonly Gateway[]): Promise<void> {
  const wanted = new Set(gateways.flatMap(({ chains }) => chains.map(({ port }) => `tcp-${port}`)));
  for (let tries = 0; tries < 400; tries += 1) {
    const serving = new Set((await envoy.admin.listeners()).map(({ name }) => name));
    if ((await envoy.admin.ready()) && [...wanted].every((name) => serving.has(name))) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`Envoy does not serve ${[...wanted].join(', ')}`);
}

function missing(): never {
  throw new Error('the rig serves nothing yet');
}
