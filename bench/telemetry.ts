/** What the default access log costs: CPU of an Envoy a request, and bytes of configuration a listener. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { EnvoyProcess } from '../src/delivery/envoy/process.ts';
import { freePort } from '../src/testing/ports.ts';
import { cpuMilliseconds } from './cpu.ts';
import { type Figure, median } from './figures.ts';
import type { Answered, Load } from './load.ts';
import { startOne } from './one-envoy.ts';

const rounds = 15;
const seconds = 0.5;
const host = 'bench.example.com';
const ours = 'evengate.dev/v1alpha1';
const kinds = { direct: '/direct', proxied: '/proxied' } as const;

interface Logging {
  readonly port: number;
  readonly envoy: EnvoyProcess;
  /** Of lds.json, with one listener. */
  readonly bytes: number;
}

export async function telemetry(): Promise<readonly Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'evengate-bench-'));
  const backend = await startBackend();
  const client = fork(fileURLToPath(new URL('load.ts', import.meta.url)));
  const started: Logging[] = [];
  try {
    const { port } = backend.address() as AddressInfo;
    for (const enabled of [true, false]) started.push(await start(join(folder, String(enabled)), enabled, port));
    const [on, off] = started;
    if (on === undefined || off === undefined) return [];
    const figures: Figure[] = [bytesOf(on, off)];
    for (const kind of Object.keys(kinds))
      figures.push(...(await compared(kind as keyof typeof kinds, [on, off], client)));
    return figures;
  } finally {
    client.kill();
    await Promise.all(started.map(({ envoy }) => envoy.stop()));
    backend.close();
    await rm(folder, { recursive: true });
  }
}

async function startBackend(): Promise<Server> {
  const answer = 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n';
  const server = createServer((socket) => socket.on('data', () => socket.write(answer)).on('error', () => undefined));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return server;
}

function objects(enabled: boolean) {
  const meta = (name: string) => ({ name, namespace: 'bench' });
  const guard = {
    targetRefs: [{ kind: 'Route', name: 'all' }],
    authorize: { allow: [{ to: [{ methods: ['GET'] }] }] },
  };
  const rules = [
    { name: 'direct', matches: [{ path: { value: kinds.direct } }], respond: { status: 200 } },
    { name: 'proxied', matches: [{ path: { value: kinds.proxied } }], backendRefs: [{ name: 'backend', port: 80 }] },
  ];
  const spec = {
    listeners: [{ name: 'web', port: 80, protocol: 'HTTP' }],
    ...(enabled ? {} : { telemetry: { accessLog: { enabled } } }),
  };
  return [
    { apiVersion: ours, kind: 'ApiGateway', metadata: meta('edge'), spec },
    { apiVersion: 'v1', kind: 'Service', metadata: meta('backend'), spec: { ports: [{ port: 80 }] } },
    { apiVersion: ours, kind: 'AuthPolicy', metadata: meta('guard'), spec: guard },
    {
      apiVersion: ours,
      kind: 'Route',
      metadata: meta('all'),
      spec: { parentRefs: [{ name: 'edge' }], hostnames: [host], rules },
    },
  ];
}

async function start(directory: string, enabled: boolean, backend: number): Promise<Logging> {
  const port = await freePort();
  const { envoy, files } = await startOne({
    directory,
    objects: objects(enabled),
    placement: {
      bind: () => ({ address: '127.0.0.1', port }),
      endpoints: () => ({ kind: 'addresses', addresses: [{ host: '127.0.0.1', port: backend }] }),
    },
  });
  return { port, envoy, bytes: files.get('lds.json')?.length ?? 0 };
}

/** With and without in turn, again and again: what else the machine does falls on both alike. The first round warms up. */
async function compared(
  kind: keyof typeof kinds,
  [on, off]: readonly [Logging, Logging],
  client: ReturnType<typeof fork>,
): Promise<readonly Figure[]> {
  const pairs: { readonly on: number; readonly off: number }[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    const pair = { on: await microseconds(kind, on, client), off: await microseconds(kind, off, client) };
    if (round > 0) pairs.push(pair);
  }
  const note = `${median(pairs.map((pair) => pair.off)).toFixed(1)} µs without a log, ${median(pairs.map((pair) => pair.on)).toFixed(1)} with it`;
  const costs = median(pairs.map((pair) => pair.on - pair.off));
  const ratio = median(pairs.map((pair) => pair.on / pair.off));
  const name = `access log, ${kind} answers`;
  return [
    { name: `${name}: Envoy's CPU a line`, value: costs, unit: 'µs', target: { kind: 'most', value: 12 }, note },
    { name: `${name}: Envoy's CPU with it/without`, value: ratio, unit: '' },
  ];
}

async function microseconds(
  kind: keyof typeof kinds,
  logging: Logging,
  client: ReturnType<typeof fork>,
): Promise<number> {
  const before = cpuMilliseconds(logging.envoy.pid);
  const request = `GET ${kinds[kind]} HTTP/1.1\r\nhost: ${host}\r\nuser-agent: bench\r\n\r\n`;
  client.send({ port: logging.port, request, seconds } satisfies Load);
  const [answered] = (await once(client, 'message')) as [Answered];
  if (answered.status !== 200) throw new Error(`${kind} answers ${answered.status}`);
  return ((cpuMilliseconds(logging.envoy.pid) - before) * 1000) / answered.answers;
}

function bytesOf(on: Logging, off: Logging): Figure {
  return { name: 'access log: bytes of lds.json a listener', value: on.bytes - off.bytes, unit: 'B' };
}
