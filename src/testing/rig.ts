/** Manifests in, a real Envoy serving them, requests through it: what tests with traffic stand on. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from '@jest/globals';
import type { Gateway, Protocol } from '../ir/gateway.ts';
import type { Resolution } from '../resolve/resolve.ts';
import type { AccessLines } from './access-lines.ts';
import { agree, type PublishedKeys } from './agree.ts';
import { envoyForTests } from './envoy.ts';
import { type Backends, idHeader, startBackends } from './rig-backends.ts';
import { openHttp2, type Place, sendHttp1 } from './rig-client.ts';
import { type Fleet, startFleet } from './rig-fleet.ts';
import { type Manifest, manifestText } from './rig-manifests.ts';
import {
  type Answer,
  type Exchange,
  type HeaderPair,
  headersOf,
  type Received,
  type RigRequest,
  usualHost,
} from './rig-request.ts';

export type { Exchange, RigRequest } from './rig-request.ts';

export interface Rig {
  /** Publishes other manifests; resolves when Envoy has taken them. */
  apply(manifests: Manifest | readonly Manifest[], options?: ApplyOptions): Promise<void>;
  send(request?: RigRequest): Promise<Exchange>;
  /** Status codes alone. */
  status(request?: RigRequest): Promise<number>;
  /** Where a port of the manifest is served, for what `send` cannot say. */
  place(port: number): Place;
  stats(filter: string): Promise<ReadonlyMap<string, number | string>>;
  /** All of them, as Prometheus gets them. */
  scrape(): Promise<string>;
  /** What was published last, resolved. */
  resolution(): Resolution;
  readonly backends: Backends;
  readonly accessLog: AccessLines;
}

export interface ApplyOptions {
  /** Errors among the findings are what the test is about; otherwise they fail it. */
  readonly broken?: boolean;
}

export interface RigOptions extends ApplyOptions {
  readonly publishedKeys?: PublishedKeys;
  /** Ports of this machine by `namespace/service:port`, for Services that are no backends of the rig's. */
  readonly servers?: ReadonlyMap<string, number>;
  /** Directory with the certificate of a mesh, as Istio's agent writes it. */
  readonly identity?: string;
}

interface Running extends Rig {
  stop(): Promise<void>;
}

export async function startRig(
  binary: string,
  manifests: Manifest | readonly Manifest[],
  options: RigOptions = {},
): Promise<Running> {
  const directory = mkdtempSync(join(tmpdir(), 'evengate-rig-'));
  const backends = startBackends();
  const { servers = new Map(), identity } = options;
  const fleet = await startFleet({ binary, directory, backends, servers, identity });
  const rig = rigOf(fleet, backends, options.publishedKeys);
  const running = {
    ...rig,
    async stop() {
      await Promise.all([fleet.stop(), backends.stop()]);
      rmSync(directory, { recursive: true, force: true });
    },
  };
  try {
    await running.apply(manifests, options);
  } catch (error) {
    await running.stop();
    throw error;
  }
  return running;
}

function rigOf(fleet: Fleet, backends: Backends, keys: PublishedKeys | undefined): Rig {
  let count = 0;
  const rig: Rig = {
    backends,
    accessLog: fleet.accessLog,
    resolution: () => fleet.resolution(),
    apply: (manifests, options = {}) => fleet.apply(manifestText(manifests), options.broken ?? false),
    place: (port) => ({ port: fleet.portOf(port) }),
    stats: (filter) => fleet.stats(filter),
    scrape: () => fleet.scrape(),
    status: async (request) => (await rig.send(request)).status,
    async send(request = {}) {
      count += 1;
      const id = String(count);
      const attempt = await transmit(fleet, request, id).then(
        (answer) => exchangeOf(request, answer, backends.receivedBy(id)),
        (error: Error) => ({ request, error }),
      );
      if (request.unexplained === undefined) agree(fleet.resolution().gateways.values(), attempt, keys);
      if ('error' in attempt) throw attempt.error;
      return attempt;
    },
  };
  return rig;
}

export function protocolOf(gateways: Iterable<Gateway>, port: number): Protocol {
  const chains = [...gateways].flatMap((gateway) => gateway.chains);
  return chains.find((chain) => chain.port === port)?.protocol ?? 'HTTP';
}

async function transmit(fleet: Fleet, request: RigRequest, id: string): Promise<Answer> {
  const { method = 'GET', path: target = '/', host = usualHost, port = 80, body } = request;
  const secure = protocolOf(fleet.resolution().gateways.values(), port) === 'HTTPS';
  const serverName = secure ? (request.serverName ?? host.replace(/:\d+$/, '')) : undefined;
  const { certificate } = request;
  const place: Place = { port: fleet.portOf(port), from: request.from, serverName, certificate };
  const headers: readonly HeaderPair[] = [...headersOf(request), [idHeader, id]];
  if (request.protocol === 'HTTP/2') {
    const connection = await openHttp2(place);
    const scheme = secure ? 'https' : 'http';
    return connection
      .send({ method, target, headers, body, scheme, authority: host })
      .finally(() => connection.close());
  }
  const length: readonly HeaderPair[] = body === undefined ? [] : [['content-length', String(Buffer.byteLength(body))]];
  const hostLine: readonly HeaderPair[] = host === '' ? [] : [['host', host]];
  return sendHttp1(place, { method, target, headers: [...hostLine, ...headers, ...length], body });
}

function exchangeOf(request: RigRequest, answer: Answer, received: readonly Received[]): Exchange {
  return {
    request,
    status: answer.status,
    headers: answer.headers,
    body: answer.body,
    trailers: answer.trailers ?? [],
    header: (name) => answer.headers.find(([key]) => key === name)?.[1],
    received: received.at(-1),
  };
}

/** The rig of a test file: started before its tests and ended after them; a skip, told aloud, without an Envoy. */
export async function rigSuite(
  name: string,
  manifests: () => Manifest | readonly Manifest[] | Promise<readonly Manifest[]>,
  tests: (rig: () => Rig) => void,
  options: RigOptions = {},
): Promise<void> {
  const found = await envoyForTests();
  if ('skip' in found) {
    describe.skip(name, () => tests(() => missing()));
    return;
  }
  describe(name, () => {
    let rig: Running | undefined;
    beforeAll(async () => {
      rig = await startRig(found.binary, await manifests(), options);
    }, 30_000);
    afterAll(() => rig?.stop());
    tests(() => rig ?? missing());
  });
}

function missing(): never {
  throw new Error('the rig is not running');
}
