/** An Envoy as in a pod: a gateway's files and bootstrap as the operator places them, at free ports of this machine. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeAtomically } from '../delivery/envoy/files.ts';
import { type EnvoyProcess, startEnvoy } from '../delivery/envoy/process.ts';
import type { Placement } from '../ir/placement.ts';
import type { KubeObject } from '../kube/object.ts';
import { bootstrap } from '../render/bootstrap.ts';
import type { Edge } from '../render/edge.ts';
import { inCluster } from '../render/in-cluster.ts';
import { snapshotOf } from './build.ts';
import { compiler } from './compile.ts';
import { freePort } from './ports.ts';
import { sendHttp1 } from './rig-client.ts';
import type { Http1Message } from './rig-http1.ts';

export interface Pod {
  readonly envoy: EnvoyProcess;
  /** `web` is port 80 of the gateway. */
  readonly ports: Readonly<Record<'web' | 'operations' | 'drain' | 'readiness', number>>;
  /** Warnings and errors of Envoy. */
  readonly said: readonly string[];
  /** As the kubelet probes it. */
  ready(): Promise<number>;
  /** SIGTERM. */
  stop(): Promise<void>;
}

export interface PodOptions {
  readonly binary: string;
  /** One gateway that listens at port 80. */
  readonly objects: readonly KubeObject[];
  /** Of every Service; default one where nobody listens. */
  readonly backend?: number;
  readonly drainSeconds?: number;
  /** What the files hold instead, by name. */
  readonly files?: ReadonlyMap<string, string>;
}

export const drainToken = 'only-the-kubelet-knows';
const address = '127.0.0.1';

/** Resolves when Envoy has read its files; it serves then, unless they are broken. */
export async function startPod(options: PodOptions): Promise<Pod> {
  const root = mkdtempSync(join(tmpdir(), 'evengate-pod-'));
  const [web, operations, drain, readiness] = [await freePort(), await freePort(), await freePort(), await freePort()];
  const ports = { web, operations, drain, readiness };
  const edge = await writtenEdge(join(root, 'xds'), ports, options);
  const directory = join(root, 'run');
  const admin = {
    path: join(directory, 'admin.sock'),
    operations: { address, port: operations },
    drain: { address, port: drain, token: drainToken, seconds: options.drainSeconds ?? 1 },
  };
  const said: string[] = [];
  const envoy = await startEnvoy({
    binary: options.binary,
    directory,
    bootstrap: bootstrap(edge.gateway, join(root, 'xds'), { admin }),
    env: process.env,
    concurrency: 2,
    onExit: ({ lines }) => said.push(...lines),
    log: (line) => said.push(line),
  });
  const pod: Pod = {
    envoy,
    ports,
    said,
    ready: async () => (await sendHttp1({ port: readiness }, readyRequest)).status,
    async stop() {
      await envoy.stop();
      rmSync(root, { recursive: true, force: true });
    },
  };
  await untilInitialised(pod);
  return pod;
}

const readyRequest: Http1Message = { method: 'GET', target: '/ready', headers: [['host', 'pod']] };

/** The gateway of the objects, its files in `directory`. */
async function writtenEdge(directory: string, ports: Pod['ports'], options: PodOptions): Promise<Edge> {
  const { objects, backend = 9, files } = options;
  const placement: Placement = {
    ...inCluster,
    directory,
    readiness: { address, port: ports.readiness },
    bind: () => ({ address, port: ports.web }),
    endpoints: () => ({ kind: 'addresses', addresses: [{ host: address, port: backend }] }),
  };
  const [edge] = compiler(placement)(snapshotOf(objects)).edges.values();
  if (edge === undefined) throw new Error('the test has no gateway');
  const written = edge.files.map((file) => [file.name, files?.get(file.name) ?? file.text('1')] as const);
  await writeAtomically(directory, new Map(written));
  return edge;
}

async function untilInitialised(pod: Pod): Promise<void> {
  for (let tries = 0; tries < 1000; tries += 1) {
    if (await pod.envoy.admin.ready()) return;
    await sleep(10);
  }
  await pod.stop();
  throw new Error(`Envoy does not become ready: ${pod.said.join('\n')}`);
}
