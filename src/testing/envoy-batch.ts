/** Many gateways loaded by one Envoy, to see that it takes everything that we render. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeAtomically } from '../delivery/envoy/files.ts';
import { type EnvoyProcess, startEnvoy } from '../delivery/envoy/process.ts';
import { pem } from '../features/listeners/certificate.ts';
import type { Placement } from '../ir/placement.ts';
import { objectKey } from '../kube/object.ts';
import type { Snapshot } from '../kube/snapshot.ts';
import { bootstrap } from '../render/bootstrap.ts';
import { type Edge, edgeRenderer } from '../render/edge.ts';
import { cdsFile, ldsFile, secretName } from '../render/names.ts';
import { resolver } from '../resolve/resolve.ts';
import type { JsonObject } from './compile.ts';
import { freePort } from './ports.ts';
import { testCertificate } from './rig-certificates.ts';

export interface Unit {
  readonly edge: Edge;
  readonly snapshot: Snapshot;
  /** Folder of its files, and what its names begin with. */
  readonly id: string;
}

/** Each gateway of the cases, rendered as files below `root` with ports of its own. */
export async function unitsOf(snapshots: readonly Snapshot[], root: string): Promise<readonly Unit[]> {
  const authority = join(root, 'authority.pem');
  await writeFile(authority, testCertificate('authority').certificate);
  const units: Unit[] = [];
  for (const snapshot of snapshots) {
    for (const gateway of resolver()(snapshot).gateways.values()) {
      const id = `unit-${units.length}`;
      const ports = new Map<number, number>();
      for (const { port } of gateway.chains) ports.set(port, ports.get(port) ?? (await freePort()));
      const placement = placementAt(join(root, id), authority, ports);
      units.push({ id, snapshot, edge: edgeRenderer(placement)(gateway) });
    }
  }
  return units;
}

function placementAt(directory: string, trustedCertificates: string, ports: ReadonlyMap<number, number>): Placement {
  return {
    directory,
    certificates: `${directory}-certificates`,
    trustedCertificates,
    sharePorts: false,
    bind: (_gateway, port) => ({ address: '127.0.0.1', port: ports.get(port) ?? 0 }),
    endpoints: () => ({ kind: 'addresses', addresses: [{ host: '127.0.0.1', port: 9 }] }),
  };
}

/** What one Envoy says of the units: `name: count` of each refusal, and listeners that did not come up. */
export async function refusalsOf(units: readonly Unit[], root: string, binary: string): Promise<readonly string[]> {
  const parts = await Promise.all(units.map((unit) => writeUnit(unit, root)));
  const directory = join(root, 'xds');
  const listeners = parts.flatMap((part) => part.listeners);
  const file = (resources: readonly JsonObject[]) => JSON.stringify({ version_info: '1', resources });
  await writeAtomically(
    directory,
    new Map([
      [ldsFile, file(listeners)],
      [cdsFile, file(parts.flatMap((part) => part.clusters))],
    ]),
  );
  const said: string[] = [];
  const envoy = await startEnvoy({
    binary,
    directory: join(root, 'process'),
    bootstrap: bootstrap({ kind: 'ApiGateway', namespace: 'test', name: 'batch' }, directory),
    env: process.env,
    concurrency: 1,
    onExit: ({ lines }) => said.push(...lines),
    log: (line) => said.push(line),
  });
  try {
    const missing = await untilServing(envoy, listeners);
    const refused = await refusals(envoy);
    return missing.length + refused.length === 0 ? [] : [...missing, ...refused, ...said];
  } finally {
    await envoy.stop();
  }
}

interface Shared {
  readonly listeners: readonly JsonObject[];
  readonly clusters: readonly JsonObject[];
}

/** Its own files; names of listeners and clusters begin with the unit, as they share an Envoy with others. */
async function writeUnit({ edge, snapshot, id }: Unit, root: string): Promise<Shared> {
  await writeCertificates(edge, snapshot, `${join(root, id)}-certificates`);
  const files = edge.files.map((file) => ({
    name: file.name,
    json: JSON.parse(file.text('1')) as { readonly resources: readonly JsonObject[] },
  }));
  const inFile = (name: string) => files.find((file) => file.name === name)?.json.resources ?? [];
  const clusters = new Set(inFile(cdsFile).map(({ name }) => name));
  const own = <T>(value: T): T => mapStrings(value, (text) => (clusters.has(text) ? `${id} ${text}` : text)) as T;
  const others = files.filter(({ name }) => name !== ldsFile && name !== cdsFile);
  await writeAtomically(join(root, id), new Map(others.map(({ name, json }) => [name, JSON.stringify(own(json))])));
  return {
    clusters: inFile(cdsFile).map(own),
    listeners: inFile(ldsFile).map((listener) => ({ ...listener, name: `${id} ${String(listener['name'])}` })),
  };
}

async function writeCertificates(edge: Edge, snapshot: Snapshot, directory: string): Promise<void> {
  for (const ref of edge.certificates) {
    const secret = snapshot.Secret.get(objectKey({ metadata: ref }));
    const folder = join(directory, secretName(ref));
    await mkdir(folder, { recursive: true });
    for (const key of ['tls.crt', 'tls.key']) {
      await writeFile(join(folder, key), secret === undefined ? '' : (pem(secret, key) ?? ''));
    }
  }
}

export function mapStrings(value: unknown, map: (text: string) => string): unknown {
  if (typeof value === 'string') return map(value);
  if (Array.isArray(value)) return value.map((item) => mapStrings(item, map));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, mapStrings(member, map)]));
}

/** Listeners that Envoy does not serve, after up to 15 s of warming. */
export async function untilServing(envoy: EnvoyProcess, listeners: readonly JsonObject[]): Promise<readonly string[]> {
  const deadline = performance.now() + 15_000;
  for (;;) {
    const serving = new Set((await envoy.admin.listeners()).map(({ name }) => name));
    const missing = listeners.map(({ name }) => String(name)).filter((name) => !serving.has(name));
    if (missing.length === 0) return [];
    const refused = await refusals(envoy);
    if (refused.length > 0 || performance.now() > deadline) return missing.map((name) => `${name} is not served`);
    await sleep(50);
  }
}

async function refusals(envoy: EnvoyProcess): Promise<readonly string[]> {
  const counters = await envoy.admin.stats('(update_rejected|update_failure|create_failure|config_fail)$', 'Counters');
  return [...counters].filter(([, count]) => Number(count) > 0).map(([name, count]) => `${name}: ${count}`);
}
