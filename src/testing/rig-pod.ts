/** An Envoy as in a pod: a gateway's files and bootstrap as the operator places them, at free ports of this machine. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { stateBefore, waitForVersions } from '../delivery/envoy/acknowledge.ts';
import { writeAtomically } from '../delivery/envoy/files.ts';
import { type EnvoyProcess, startEnvoy } from '../delivery/envoy/process.ts';
import { rootOf } from '../delivery/publication/content.ts';
import type { KubeObject } from '../kube/object.ts';
import { bootstrap } from '../render/bootstrap.ts';
import type { Edge, EdgeFile } from '../render/edge.ts';
import { inCluster } from '../render/in-cluster.ts';
import { snapshotOf } from './build.ts';
import { compiler } from './compile.ts';
import { freePort } from './ports.ts';
import { sendHttp1 } from './rig-client.ts';
import type { Http1Message } from './rig-http1.ts';

export interface Pod {
  readonly envoy: EnvoyProcess;
  /** Of Envoy's admin interface. */
  readonly adminSocket: string;
  /** `web` is port 80 of the gateway. */
  readonly ports: Readonly<Record<'web' | 'operations' | 'drain' | 'readiness', number>>;
  /** Warnings and errors of Envoy. */
  readonly said: readonly string[];
  /** As the kubelet probes it. */
  ready(): Promise<number>;
  /** Other objects for the same gateway; resolves when Envoy has taken them, with the names of its files. */
  apply(objects: readonly KubeObject[]): Promise<readonly string[]>;
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
  const publish = publisher(join(root, 'xds'), ports, options);
  const { gateway } = await publish(options.objects);
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
    bootstrap: bootstrap(gateway, join(root, 'xds'), { admin }),
    env: process.env,
    concurrency: 2,
    onExit: ({ lines }) => said.push(...lines),
    log: (line) => said.push(line),
  });
  const pod: Pod = {
    envoy,
    adminSocket: admin.path,
    ports,
    said,
    ready: async () => (await sendHttp1({ port: readiness }, readyRequest)).status,
    apply: async (objects) => taken(envoy, () => publish(objects)),
    async stop() {
      await envoy.stop();
      rmSync(root, { recursive: true, force: true });
    },
  };
  await untilInitialised(pod);
  return pod;
}

const readyRequest: Http1Message = { method: 'GET', target: '/ready', headers: [['host', 'pod']] };

async function taken(envoy: EnvoyProcess, publish: () => ReturnType<Publish>): Promise<readonly string[]> {
  const before = await stateBefore(envoy.admin, envoy.log);
  const { files, version } = await publish();
  const expected = new Map(files.map((file) => [rootOf(file), version]));
  const outcome = await waitForVersions({ admin: envoy.admin, log: envoy.log, expected, before });
  if (!outcome.acknowledged) throw new Error(`Envoy did not take it: ${JSON.stringify(outcome)}`);
  return files.map(({ name }) => name);
}

type Publish = (objects: readonly KubeObject[]) => Promise<Edge & { readonly version: string }>;

/** Writes the gateway's files into `directory`, each time as another version; large tables as protobuf. */
function publisher(directory: string, ports: Pod['ports'], { backend = 9, files }: PodOptions): Publish {
  const compile = compiler({
    ...inCluster,
    directory,
    readiness: { address, port: ports.readiness },
    compactBefore: () => false,
    bind: () => ({ address, port: ports.web }),
    endpoints: () => ({ kind: 'addresses', addresses: [{ host: address, port: backend }] }),
  });
  let number = 0;
  return async (objects) => {
    number += 1;
    const version = String(number);
    const [edge] = compile(snapshotOf(objects)).edges.values();
    if (edge === undefined) throw new Error('the test has no gateway');
    const written = edge.files.map((file) => [file.name, files?.get(file.name) ?? contentOf(file, version)] as const);
    await writeAtomically(directory, new Map(written));
    return { ...edge, version };
  };
}

function contentOf(file: EdgeFile, version: string): string | Buffer {
  return file.protobuf === undefined ? file.text(version) : Buffer.from(file.protobuf(version));
}

async function untilInitialised(pod: Pod): Promise<void> {
  for (let tries = 0; tries < 1000; tries += 1) {
    if (await pod.envoy.admin.ready()) return;
    await sleep(10);
  }
  await pod.stop();
  throw new Error(`Envoy does not become ready: ${pod.said.join('\n')}`);
}
