/** One Envoy in place of many proxies of a mesh, with what istiod sent them. */
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { type EnvoyProcess, startEnvoy } from '../../delivery/envoy/process.ts';
import type { JsonObject } from '../compile.ts';
import { open } from '../rig-client.ts';
import type { Http1Message } from '../rig-http1.ts';
import type { Answer } from '../rig-request.ts';
import type { Authority } from './authority.ts';
import { type Hosted, listenerFor } from './hosted.ts';
import { connections, statusOf } from './persistent.ts';

export interface MeshRequest extends Http1Message {
  /** Id of the hosted port. */
  readonly to: string;
  /** Principal of the caller, `cluster.local/ns/a/sa/b`, shown by mutual TLS; without it the request is plaintext. */
  readonly identity: string | undefined;
}

export interface MeshEnvoy {
  /** The status, of gRPC the one that it stands for. Rejects when the connection is refused or reset. */
  send(request: MeshRequest): Promise<number>;
  /** The whole answer. */
  exchange(request: MeshRequest): Promise<Answer>;
  stop(): Promise<void>;
}

export interface MeshEnvoyOptions {
  readonly binary: string;
  readonly hosted: readonly Hosted[];
  readonly authority: Authority;
}

/** Resolves when all listeners serve; throws what Envoy says against the configuration. */
export async function startMeshEnvoy({ binary, hosted, authority }: MeshEnvoyOptions): Promise<MeshEnvoy> {
  const directory = await mkdtemp(join(tmpdir(), 'evengate-mesh-'));
  const listeners = hosted.map((one) => listenerFor(one, authority));
  const envoy = await startEnvoy({
    binary,
    directory,
    bootstrap: { ...meshBootstrap, static_resources: { listeners } },
    env: process.env,
    concurrency: 1,
    onExit: (exit) => process.stderr.write(`Envoy ended: ${JSON.stringify(exit)}\n`),
    log: () => undefined,
  });
  const stop = async () => {
    pool.close();
    await envoy.stop();
    rmSync(directory, { recursive: true, force: true });
  };
  const pool = connections();
  try {
    await untilServing(envoy, listeners.length);
  } catch (error) {
    await stop();
    throw error;
  }
  const places = new Map(hosted.map((one) => [one.id, one]));
  const exchange = async ({ to, identity, ...message }: MeshRequest): Promise<Answer> => {
    const place = places.get(to);
    if (place === undefined) throw new Error(`there is no ${to} in this mesh`);
    return pool.send(`${to} ${identity ?? ''}`, () => dial(place, identity, authority), message);
  };
  return { stop, exchange, send: async (request) => statusOf(await exchange(request), 200) };
}

/** What Istio's own bootstrap sets (pkg/bootstrap/config.go, extractRuntimeFlags). */
const meshBootstrap: JsonObject = {
  node: { id: 'mesh', cluster: 'mesh' },
  layered_runtime: {
    layers: [
      {
        name: 'global config',
        static_layer: {
          're2.max_program_size.error_level': '32768',
          'envoy.reloadable_features.http_reject_path_with_fragment': false,
        },
      },
    ],
  },
};

async function dial(
  { address, port }: { readonly address: string; readonly port: number },
  identity: string | undefined,
  authority: Authority,
) {
  const socket = await open({ host: address, port });
  if (identity === undefined) return socket;
  const { certificate, key } = authority.identity(identity);
  const tls = connectTls({
    socket,
    cert: certificate,
    key,
    ca: authority.certificate,
    checkServerIdentity: () => undefined,
    ALPNProtocols: ['istio-http/1.1', 'istio', 'http/1.1'],
  });
  return new Promise<typeof tls>((resolve, reject) => {
    tls.once('secureConnect', () => resolve(tls));
    tls.once('error', reject);
    tls.once('close', () => reject(new Error('the connection was closed')));
  });
}

async function untilServing(envoy: EnvoyProcess, count: number): Promise<void> {
  for (let tries = 0; tries < 1000; tries += 1) {
    if ((await envoy.admin.ready()) && (await envoy.admin.listeners()).length >= count) return;
    await sleep(10);
  }
  throw new Error('the Envoy of the mesh does not serve');
}
