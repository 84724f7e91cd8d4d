/** How long the bundle takes to start, and how large it is: after a crash, nobody watches until then. */
import { spawn } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { freePort } from '../src/testing/ports.ts';
import { operatorFlags } from './child.ts';
import { type Figure, median } from './figures.ts';

const bundle = fileURLToPath(new URL('../dist/evengate.js', import.meta.url));
const turns = 9;

export async function start(): Promise<readonly Figure[]> {
  if (!existsSync(bundle)) throw new Error('there is no dist/evengate.js; run npm run build first');
  const node = await times(() => command(['--eval', '0']));
  const version = await times(() => command([bundle, 'version']));
  const operators: Started[] = [];
  for (let turn = 0; turn < turns; turn += 1) operators.push(await operator());
  const target = { kind: 'most', value: 1000 } as const;
  return [
    { name: 'bundle', value: size(), unit: 'MB', note: 'what the image has beside Node' },
    { name: 'node: from start to end', value: node, unit: 'ms' },
    { name: 'evengate version: from start to end', value: version, unit: 'ms' },
    {
      name: 'operator: from start to /healthz',
      value: median(operators.map((one) => one.healthy)),
      unit: 'ms',
      target,
    },
    {
      name: 'operator: from start to its first call',
      value: median(operators.map((one) => one.calling)),
      unit: 'ms',
      target,
    },
  ];
}

function size(): number {
  const files = globSync('{evengate.js,evengate.chunks/*.js}', { cwd: dirname(bundle) });
  return files.reduce((sum, path) => sum + statSync(join(dirname(bundle), path)).size, 0) / 1e6;
}

async function times(run: () => Promise<number>): Promise<number> {
  const each: number[] = [];
  for (let turn = 0; turn < turns; turn += 1) each.push(await run());
  return median(each);
}

function command(words: readonly string[]): Promise<number> {
  const began = performance.now();
  const child = spawn(process.execPath, [...operatorFlags, ...words], { stdio: 'ignore' });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => resolve(performance.now() - began));
  });
}

/** Milliseconds after the process was started. */
interface Started {
  readonly healthy: number;
  readonly calling: number;
}

/** An operator before an API server that only notes when it is asked. */
async function operator(): Promise<Started> {
  const folder = mkdtempSync(join(tmpdir(), 'evengate-start-'));
  const asked = Promise.withResolvers<number>();
  const server = createServer((_, response) => {
    asked.resolve(performance.now());
    response.writeHead(503).end();
  });
  const health = await freePort();
  const kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(kubeconfig, JSON.stringify(kubeconfigOf(await listen(server))));
  const words = [bundle, 'operator', '--kubeconfig', kubeconfig, '--health-port', String(health)];
  const began = performance.now();
  const child = spawn(process.execPath, [...operatorFlags, ...words], { stdio: 'ignore' });
  const ended = new Promise<never>((_, reject) => {
    child.once('exit', (code) => reject(new Error(`evengate operator ended with ${code}`)));
  });
  try {
    const [healthy, calling] = await Promise.race([Promise.all([answers(health), asked.promise]), ended]);
    return { healthy: healthy - began, calling: calling - began };
  } finally {
    ended.catch(() => undefined);
    child.kill('SIGKILL');
    server.close();
    server.closeAllConnections();
    rmSync(folder, { recursive: true });
  }
}

/** When it first did; connecting to a port that nobody has is refused at once. */
async function answers(port: number): Promise<number> {
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}/healthz`).catch(() => undefined);
    if (answer?.ok === true) return performance.now();
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function kubeconfigOf(server: string): object {
  const name = 'bench';
  return {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [{ name, cluster: { server } }],
    users: [{ name, user: { token: 'none' } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
  };
}
