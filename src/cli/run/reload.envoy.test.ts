import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { endCli, type RunningCli, startCli } from '../../testing/cli-run.ts';
import { envoyForTests } from '../../testing/envoy.ts';
import { type SigningKey, signingKey } from '../../testing/rig-tokens.ts';

const found = await envoyForTests();
const suite = 'binary' in found ? describe : describe.skip;
const env = { EVENGATE_ENVOY: 'binary' in found ? found.binary : '' };

let folder = '';
let cli: RunningCli | undefined;
const servers: Server[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'reload-'));
});
afterEach(async () => {
  await endCli(cli);
  cli = undefined;
  for (const server of servers.splice(0)) {
    await new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  }
  rmSync(folder, { recursive: true, force: true });
});

async function backend(body: string): Promise<number> {
  const server = createServer((_, response) => response.end(body));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

interface World {
  readonly ports: Readonly<Record<Version, number>>;
  readonly keys: Readonly<Record<Version, SigningKey>>;
}

type Version = 'a' | 'b';

/**
 * The versions differ in everything that is told on its own: the address of a cluster, the cluster of a route, headers,
 * a rule that takes a path from another one, keys, limits and listeners.
 */
function manifests(version: Version, { ports, keys }: World): string {
  const inserted =
    version === 'a' ? '' : '  - {matches: [{path: {value: /x}}], respond: {status: 200, body: inserted}}\n';
  const other = version === 'a' ? '' : ', {name: other, port: 8080, protocol: HTTP}';
  return `apiVersion: evengate.dev/v1alpha1
kind: ApiGateway
metadata: {name: edge, namespace: shop}
spec: {listeners: [{name: web, port: 80, protocol: HTTP}${other}]}
---
apiVersion: v1
kind: Service
metadata: {name: same, namespace: shop, annotations: {evengate.dev/local-address: "127.0.0.1:${ports[version]}"}}
spec: {ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: only-${version}, namespace: shop, annotations: {evengate.dev/local-address: "127.0.0.1:${ports[version]}"}}
spec: {ports: [{port: 80}]}
---
apiVersion: evengate.dev/v1alpha1
kind: Route
metadata: {name: open, namespace: shop}
spec:
  parentRefs: [{name: edge}]
  rules:
  - matches: [{path: {value: /same}}]
    backendRefs: [{name: same, port: 80}]
${inserted}  - matches: [{path: {value: /}}]
    responseHeaders: {set: [{name: x-version, value: ${version}}]}
    backendRefs: [{name: only-${version}, port: 80}]
---
apiVersion: evengate.dev/v1alpha1
kind: Route
metadata: {name: guarded, namespace: shop}
spec:
  parentRefs: [{name: edge}]
  rules:
  - matches: [{path: {value: /guarded}}]
    backendRefs: [{name: only-${version}, port: 80}]
---
apiVersion: evengate.dev/v1alpha1
kind: AuthPolicy
metadata: {name: open, namespace: shop}
spec: {targetRefs: [{kind: Route, name: open}], authorize: {allow: [{name: anyone}]}}
---
apiVersion: evengate.dev/v1alpha1
kind: AuthPolicy
metadata: {name: guarded, namespace: shop}
spec:
  targetRefs: [{kind: Route, name: guarded}]
  authenticate: {jwt: [{name: corp, issuer: 'https://login.example.com', jwks: {inline: '${keys[version].jwks}'}}]}
---
apiVersion: evengate.dev/v1alpha1
kind: RateLimitPolicy
metadata: {name: limit, namespace: shop}
spec:
  targetRefs: [{kind: Route, name: guarded}]
  limits: [{name: limit-${version}, requests: 1000000, per: Second, by: [{claim: sub}]}]
`;
}

/** What a client tells answers apart by: status, body, version. */
const answers = {
  '/': { a: '200 backend-a a', b: '200 backend-b b' },
  '/x': { a: '200 backend-a a', b: '200 inserted -' },
  '/same': { a: '200 backend-a -', b: '200 backend-b -' },
  '/guarded': { a: '200 backend-a -', b: "401 Jwks doesn't have key to match kid or alg from Jwt -" },
} as const satisfies Readonly<Record<string, Readonly<Record<Version, string>>>>;
type Path = keyof typeof answers;

function ask(port: number, path: Path, agent: Agent | false, token: string): Promise<string> {
  const headers = path === '/guarded' ? { authorization: `Bearer ${token}` } : {};
  return new Promise((resolve) => {
    const call = request({ host: '127.0.0.1', port, path, agent, headers }, (response) => {
      let body = '';
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () =>
        resolve(`${response.statusCode} ${body.trim()} ${String(response.headers['x-version'] ?? '-')}`),
      );
    });
    call.on('error', (error) => resolve(error.message));
    call.end();
  });
}

/** Keeps asking until it is stopped; `wrong` gets every answer that is neither of what was right at its start or end. */
async function traffic(port: number, token: string, state: State): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const paths = Object.keys(answers) as Path[];
  for (let turn = 0; !state.stopped; turn += 1) {
    const path = paths[turn % paths.length] ?? '/';
    const before = state.right;
    // Now and then a connection of its own: those that are kept stay with their listener.
    const answer = await ask(port, path, turn % 7 === 0 ? false : agent, token);
    const right = [...before, ...state.right].map((version) => answers[path][version] as string);
    state.count += 1;
    if (!right.includes(answer)) state.wrong.push(`${path}: ${answer}, not ${[...new Set(right)].join(' or ')}`);
  }
  agent.destroy();
}

interface State {
  /** Versions that may be served now. */
  right: readonly Version[];
  stopped: boolean;
  count: number;
  readonly wrong: string[];
}

const reloads = 50;

suite('under constant traffic', () => {
  test(`${reloads} reloads: every answer is the old or the new one, and the new one as soon as the line is out`, async () => {
    const world: World = {
      ports: { a: await backend('backend-a'), b: await backend('backend-b') },
      keys: { a: await signingKey('a'), b: await signingKey('b') },
    };
    const publish = (version: Version) => {
      // As editors and Git do: never half a file.
      writeFileSync(join(folder, '.next'), manifests(version, world));
      renameSync(join(folder, '.next'), join(folder, 'all.yaml'));
    };
    publish('a');
    cli = startCli(['-f', folder, '-o', 'json', '--port-map', '80=0', '--port-map', '8080=0'], { env });
    const port = (await cli.ready()).gateways[0]?.listeners[0]?.port ?? 0;
    const token = (await world.keys.a.sign({})).text;
    const state: State = { right: ['a'], stopped: false, count: 0, wrong: [] };
    const clients = [1, 2, 3].map(() => traffic(port, token, state));
    const started = performance.now();
    for (let reload = 1; reload <= reloads; reload += 1) {
      const [old, next] = reload % 2 === 1 ? (['a', 'b'] as const) : (['b', 'a'] as const);
      state.right = [old, next];
      publish(next);
      await cli.ready();
      state.right = [next];
    }
    const seconds = (performance.now() - started) / 1000;
    state.stopped = true;
    await Promise.all(clients);
    expect(state.wrong.slice(0, 10)).toEqual([]);
    expect(state.count).toBeGreaterThan(10 * reloads);
    expect(seconds).toBeLessThan(30);
    expect(cli.output.stderr).not.toMatch(/"level":"(warn|error)"/);
    if (process.env['EVENGATE_FIGURES'])
      process.stderr.write(`${state.count} requests, ${(seconds / reloads).toFixed(3)} s a reload\n`);
  }, 60_000);
});
