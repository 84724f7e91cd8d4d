/** One Envoy with the edges of many gateways, each at an address of its own; what they forward is remembered by its backends. */
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { startEnvoy } from '../../delivery/envoy/process.ts';
import type { Gateway } from '../../ir/gateway.ts';
import { keyOf, type ObjectKey } from '../../kube/object.ts';
import { bootstrap } from '../../render/bootstrap.ts';
import { edgeRenderer } from '../../render/edge.ts';
import { cdsFile, ldsFile } from '../../render/names.ts';
import type { JsonObject } from '../compile.ts';
import { mapStrings, untilServing } from '../envoy-batch.ts';
import { type Backends, idHeader, startBackends } from '../rig-backends.ts';
import { open } from '../rig-client.ts';
import type { Http1Message } from '../rig-http1.ts';
import type { Answer, Received } from '../rig-request.ts';
import { connections, statusOf } from './persistent.ts';

export interface EdgeRequest extends Http1Message {
  readonly gateway: ObjectKey;
  /** Address to connect from. */
  readonly from: string;
}

export interface EdgeAnswer {
  /** `closed` where the connection ended without an answer. */
  readonly status: number | 'closed';
  /** What a backend received; undefined when none was reached. */
  readonly received: Received | undefined;
}

export interface EdgeEnvoy {
  send(request: EdgeRequest): Promise<EdgeAnswer>;
  stop(): Promise<void>;
}

export interface EdgeEnvoyOptions {
  readonly binary: string;
  readonly gateways: readonly Gateway[];
  /** Another one at each call. */
  readonly address: () => string;
}

const port = 10_080;
const gatewayRef = { kind: 'ApiGateway', namespace: 'test', name: 'edges' };

/** Resolves when all listeners serve; throws what Envoy refuses. */
export async function startEdgeEnvoy(options: EdgeEnvoyOptions): Promise<EdgeEnvoy> {
  const directory = await mkdtemp(join(tmpdir(), 'evengate-edges-'));
  const addresses = new Map(options.gateways.map(({ ref }) => [keyOf(ref.namespace, ref.name), options.address()]));
  const backends = startBackends();
  const parts: Static[] = [];
  for (const [index, gateway] of options.gateways.entries()) {
    parts.push(await rendered(gateway, index, { addresses, backends }));
  }
  const listeners = parts.flatMap((part) => part.listeners);
  const clusters = parts.flatMap((part) => part.clusters);
  const { dynamic_resources: _, ...settings } = bootstrap(gatewayRef, directory) as JsonObject;
  const envoy = await startEnvoy({
    binary: options.binary,
    directory,
    bootstrap: { ...settings, static_resources: { listeners, clusters } },
    env: process.env,
    concurrency: 1,
    onExit: (exit) => process.stderr.write(`Envoy ended: ${JSON.stringify(exit)}\n`),
    log: () => undefined,
  });
  const pool = connections();
  const stop = async () => {
    pool.close();
    await Promise.all([envoy.stop(), backends.stop()]);
    rmSync(directory, { recursive: true, force: true });
  };
  const missing = await untilServing(envoy, listeners);
  if (missing.length > 0) {
    await stop();
    throw new Error(missing.join(', '));
  }
  return { stop, send: sender({ addresses, backends, pool }) };
}

interface Wires extends Place {
  readonly pool: ReturnType<typeof connections>;
}

function sender({ addresses, backends, pool }: Wires): EdgeEnvoy['send'] {
  let count = 0;
  return async ({ gateway, from, headers, ...message }) => {
    count += 1;
    const id = String(count);
    const place = { host: addresses.get(gateway), port, from };
    const marked = { ...message, headers: [...headers, [idHeader, id] as const] };
    const answer = await pool.send(`${gateway} ${from}`, () => open(place), marked).catch(closed);
    const status = answer === undefined ? 'closed' : statusOf(answer, 500);
    return { status, received: backends.receivedBy(id).at(-1) };
  };
}

function closed(): Answer | undefined {
  return undefined;
}

interface Static {
  readonly listeners: readonly JsonObject[];
  readonly clusters: readonly JsonObject[];
}

interface Place {
  readonly addresses: ReadonlyMap<ObjectKey, string>;
  readonly backends: Backends;
}

/** In one piece: of a file each that it watches, Envoy could not open as many as there are gateways. */
async function rendered(gateway: Gateway, index: number, { addresses, backends }: Place): Promise<Static> {
  const id = `unit-${index}`;
  const ports = new Map<string, number>();
  for (const backend of gateway.chains.flatMap(({ uses }) => uses.backends)) {
    ports.set(JSON.stringify(backend), await backends.portOf(backend));
  }
  const edge = edgeRenderer({
    directory: '/nowhere',
    certificates: '/nowhere',
    trustedCertificates: '/nowhere',
    sharePorts: false,
    bind: ({ namespace, name }) => ({ address: addresses.get(keyOf(namespace, name)) ?? '', port }),
    endpoints: (backend) => ({
      kind: 'addresses',
      addresses: [{ host: '127.0.0.1', port: ports.get(JSON.stringify(backend)) ?? 0 }],
    }),
  })(gateway);
  const files = edge.files.map((file) => ({ name: file.name, resources: resourcesOf(file.text('1')) }));
  const inFile = (name: string) => files.find((file) => file.name === name)?.resources ?? [];
  const clusters = new Set(inFile(cdsFile).map(({ name }) => name));
  const own = <T>(value: T): T => mapStrings(value, (text) => (clusters.has(text) ? `${id} ${text}` : text)) as T;
  const others = new Map(files.flatMap(({ resources }) => resources.map((one) => [one['name'], one] as const)));
  return {
    clusters: inFile(cdsFile).map(own),
    listeners: inFile(ldsFile).map((listener) => ({
      ...(own(embedded(listener, others)) as JsonObject),
      name: `${id} ${String(listener['name'])}`,
    })),
  };
}

function resourcesOf(text: string): readonly JsonObject[] {
  return (JSON.parse(text) as { readonly resources: readonly JsonObject[] }).resources.map(untyped);
}

/** What names its type for discovery alone. */
function untyped(resource: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(resource).filter(([name]) => name !== '@type'));
}

/** Route tables and filters in the place of the names by which they would be discovered. */
function embedded(value: unknown, others: ReadonlyMap<unknown, JsonObject>): unknown {
  if (Array.isArray(value)) return value.map((item) => embedded(item, others));
  if (typeof value !== 'object' || value === null) return value;
  const { rds, config_discovery: discovered, ...rest } = value as JsonObject;
  const inner = Object.fromEntries(Object.entries(rest).map(([key, member]) => [key, embedded(member, others)]));
  if (discovered !== undefined) return { ...inner, typed_config: others.get(rest['name'])?.['typed_config'] };
  if (rds === undefined) return inner;
  return { ...inner, route_config: others.get((rds as JsonObject)['route_config_name']) };
}
