/** 1,000 rules over 500 routes against one rule: does a request meet only the rules of its own route? */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { EnvoyProcess } from '../src/delivery/envoy/process.ts';
import type { KubeObject } from '../src/kube/object.ts';
import { freePort } from '../src/testing/ports.ts';
import { cpuMilliseconds } from './cpu.ts';
import { type Figure, median } from './figures.ts';
import type { Answered, Load } from './load.ts';
import { startOne } from './one-envoy.ts';

const routes = 500;
const asked = routes / 2;
const rounds = 9;
const seconds = 0.8;
const host = 'bench.example.com';
const ours = 'evengate.dev/v1alpha1';

interface Guarded {
  readonly port: number;
  readonly envoy: EnvoyProcess;
}

interface Sample {
  /** Requests a second. */
  readonly rate: number;
  /** Of Envoy's CPU a request. */
  readonly microseconds: number;
}

export async function rules(): Promise<readonly Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'evengate-bench-'));
  const client = fork(fileURLToPath(new URL('load.ts', import.meta.url)));
  const started: Guarded[] = [];
  try {
    for (const kind of ['one', 'all'] as const) started.push(await start(join(folder, kind), kind));
    const [one, all] = started;
    if (one === undefined || all === undefined) return [];
    return await compared(one, all, client);
  } finally {
    client.kill();
    await Promise.all(started.map(({ envoy }) => envoy.stop()));
    await rm(folder, { recursive: true });
  }
}

function objects(guarded: 'one' | 'all'): readonly KubeObject[] {
  const meta = (name: string) => ({ name, namespace: 'bench' });
  const listeners = [{ name: 'web', port: 80, protocol: 'HTTP' }];
  const places = Array.from({ length: routes }, (_, index) => index);
  return [
    { apiVersion: ours, kind: 'ApiGateway', metadata: meta('edge'), spec: { listeners } },
    ...places.map((index) => ({
      apiVersion: ours,
      kind: 'Route',
      metadata: meta(`route-${index}`),
      spec: {
        parentRefs: [{ name: 'edge' }],
        hostnames: [host],
        rules: [{ matches: [{ path: { value: pathOf(index) } }], respond: { status: 200 } }],
      },
    })),
    ...places
      .filter((index) => guarded === 'all' || index === asked)
      .map((index) => ({
        apiVersion: ours,
        kind: 'AuthPolicy',
        metadata: meta(`guard-${index}`),
        spec: {
          targetRefs: [{ kind: 'Route', name: `route-${index}` }],
          authorize: { allow: guarded === 'all' ? [tenant('other'), tenant('bench')] : [tenant('bench')] },
        },
      })),
  ];
}

function tenant(name: string): object {
  return { name, to: [{ methods: ['GET'] }], when: [{ header: 'x-tenant', values: [name] }] };
}

function pathOf(index: number): string {
  return `/api/v1/things-${1000 + index}`;
}

async function start(directory: string, guarded: 'one' | 'all'): Promise<Guarded> {
  const port = await freePort();
  const bind = () => ({ address: '127.0.0.1', port });
  return { port, envoy: (await startOne({ directory, objects: objects(guarded), placement: { bind } })).envoy };
}

/** In turn, again and again: what else the machine does falls on both alike. The first round warms up. */
async function compared(one: Guarded, all: Guarded, client: ReturnType<typeof fork>): Promise<readonly Figure[]> {
  const pairs: { readonly one: Sample; readonly all: Sample }[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    const pair = { one: await measure(one, client), all: await measure(all, client) };
    if (round > 0) pairs.push(pair);
  }
  const rate = (kind: 'one' | 'all') => median(pairs.map((pair) => pair[kind].rate)).toFixed(0);
  const target = { kind: 'least', value: 0.95 } as const;
  const name = `1,000 rules over ${routes} routes/one rule`;
  return [
    {
      name: `${name}: requests a second`,
      value: median(pairs.map((pair) => pair.all.rate / pair.one.rate)),
      unit: '',
      target,
      note: `${rate('all')} against ${rate('one')} requests/s`,
    },
    {
      name: `${name}: requests a second of Envoy's CPU`,
      value: median(pairs.map((pair) => pair.one.microseconds / pair.all.microseconds)),
      unit: '',
      target,
    },
  ];
}

async function measure({ port, envoy }: Guarded, client: ReturnType<typeof fork>): Promise<Sample> {
  const before = cpuMilliseconds(envoy.pid);
  const request = `GET ${pathOf(asked)} HTTP/1.1\r\nhost: ${host}\r\nx-tenant: bench\r\n\r\n`;
  client.send({ port, request, seconds } satisfies Load);
  const [answered] = (await once(client, 'message')) as [Answered];
  if (answered.status !== 200) throw new Error(`a guarded route answers ${answered.status}`);
  const cpu = cpuMilliseconds(envoy.pid) - before;
  return { rate: answered.answers / seconds, microseconds: (cpu * 1000) / answered.answers };
}
