import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { types } from '../../envoy/json.ts';
import { envoyForTests } from '../../testing/envoy.ts';
import { freePort } from '../../testing/ports.ts';
import { type Acknowledgement, nothingBefore, stateBefore, subscription, waitForVersions } from './acknowledge.ts';
import { writeAtomically } from './files.ts';
import { type EnvoyExit, type EnvoyProcess, startEnvoy } from './process.ts';

const found = await envoyForTests();
const suite = 'binary' in found ? describe : describe.skip;
const binary = 'binary' in found ? found.binary : '';

let root = '';
let port = 0;
let envoy: EnvoyProcess | undefined;
const said: string[] = [];
const exits: EnvoyExit[] = [];

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'evengate-envoy-'));
  port = await freePort();
  said.length = 0;
  exits.length = 0;
});
afterEach(async () => {
  await envoy?.stop();
  envoy = undefined;
  rmSync(root, { recursive: true, force: true });
});

/** A name with all that users' names may hold; Envoy changes the colon in its stats. */
const web = 'gw.a/web:http';
const filter = `jwt/${web}`;
const mount = () => join(root, 'xds');

/** As in a cluster: the file through `..data`, the directory watched (new kubelets link new names after the swap). */
const source = (file: string) => ({
  resource_api_version: 'V3',
  path_config_source: { path: join(mount(), '..data', file), watched_directory: { path: mount() } },
});

interface World {
  readonly version: string;
  readonly listeners?: readonly object[];
  readonly clusters?: readonly object[];
  readonly routes?: object;
  readonly jwt?: object;
  /** A TLS validation context for a cluster; {} accepts any certificate. */
  readonly trust?: object;
}

function listener(name: string, listenerPort: number): object {
  const hcm = {
    '@type': types.httpConnectionManager,
    stat_prefix: web,
    rds: { route_config_name: web, config_source: source('rds-web.json') },
    http_filters: [
      { name: filter, config_discovery: { config_source: source('ecds-web.json'), type_urls: [types.jwt] } },
      { name: 'envoy.filters.http.router', typed_config: { '@type': types.router } },
    ],
  };
  const filters = [{ name: 'envoy.filters.network.http_connection_manager', typed_config: hcm }];
  const address = { socket_address: { address: '127.0.0.1', port_value: listenerPort } };
  return {
    '@type': types.listener,
    name,
    enable_reuse_port: false,
    address,
    filter_chains: [{ name: 'web', filters }],
  };
}

const cluster = (name: string, more: object = {}) => ({
  '@type': types.cluster,
  name,
  type: 'STATIC',
  connect_timeout: '1s',
  load_assignment: { cluster_name: name },
  ...more,
});

const trust = 'gw.a/ca:corp';
const tls = {
  name: 'envoy.transport_sockets.tls',
  typed_config: {
    '@type': types.upstreamTls,
    common_tls_context: {
      get validation_context_sds_secret_config() {
        return { name: trust, sds_config: source('sds-trust.json') };
      },
    },
  },
};

const routes = (body: string) => ({
  '@type': types.routeConfiguration,
  name: web,
  virtual_hosts: [
    {
      name: 'all',
      domains: ['*'],
      routes: [{ match: { prefix: '/' }, direct_response: { status: 200, body: { inline_string: body } } }],
    },
  ],
});

/** The files of a world; every one carries the version. */
function filesOf(world: World): Map<string, string> {
  const file = (...resources: readonly object[]) => JSON.stringify({ version_info: world.version, resources });
  const jwt = { '@type': types.jwt, ...world.jwt };
  return new Map([
    ['lds.json', file(...(world.listeners ?? [listener('web', port)]))],
    ['cds.json', file(...(world.clusters ?? [cluster('one', { transport_socket: tls })]))],
    ['rds-web.json', file(world.routes ?? routes(world.version))],
    ['sds-trust.json', file({ '@type': types.secret, name: trust, validation_context: world.trust ?? {} })],
    ['ecds-web.json', file({ '@type': types.extension, name: filter, typed_config: jwt })],
  ]);
}

const expected = (version: string) =>
  new Map(
    [
      subscription.lds,
      subscription.cds,
      subscription.rds(web, web),
      subscription.ecds(filter),
      subscription.sds(trust),
    ].map((at) => [at, version]),
  );

function start(bootstrap?: object): Promise<EnvoyProcess> {
  const dynamic_resources = { lds_config: source('lds.json'), cds_config: source('cds.json') };
  return startEnvoy({
    binary,
    directory: join(root, 'envoy'),
    bootstrap: bootstrap ?? { node: { id: 'test', cluster: 'test' }, dynamic_resources },
    env: process.env,
    concurrency: 1,
    onExit: (exit) => exits.push(exit),
    log: (line) => said.push(line),
  });
}

/** Publishes and waits, as a delivery does. */
async function tell(to: EnvoyProcess, world: World, timeoutMs = 5000): Promise<Acknowledgement> {
  const before = await stateBefore(to.admin, to.log);
  await writeAtomically(mount(), filesOf(world));
  return waitForVersions({ admin: to.admin, log: to.log, expected: expected(world.version), before, timeoutMs });
}

async function serving(world: World): Promise<EnvoyProcess> {
  await writeAtomically(mount(), filesOf(world));
  envoy = await start();
  const first = { admin: envoy.admin, log: envoy.log, expected: expected(world.version), before: nothingBefore };
  expect(await waitForVersions(first)).toEqual({ acknowledged: true });
  return envoy;
}

const get = async () => (await fetch(`http://127.0.0.1:${port}/`)).text();

/** A zombie is dead: its new parent may take its time to notice. */
function alive(pid: number): boolean {
  try {
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

suite('telling a real Envoy', () => {
  test('what it is started with is acknowledged and served', async () => {
    const running = await serving({ version: 'a@1' });
    expect(await get()).toBe('a@1');
    expect(await running.admin.ready()).toBe(true);
    expect(await running.admin.listeners()).toEqual([{ name: 'web', address: '127.0.0.1', port }]);
    expect(await running.admin.configDump({ resource: 'dynamic_listeners' })).toMatchObject({
      configs: [{ name: 'web' }],
    });
  });

  test('30 updates are each acknowledged, and served once they are', async () => {
    const running = await serving({ version: 'a@1' });
    const times: number[] = [];
    for (let number = 2; number <= 31; number += 1) {
      const started = performance.now();
      expect(await tell(running, { version: `a@${number}` })).toEqual({ acknowledged: true });
      times.push(performance.now() - started);
      expect(await get()).toBe(`a@${number}`);
    }
    const sorted = times.toSorted((a, b) => a - b);
    if (process.env['EVENGATE_FIGURES'])
      process.stderr.write(`told to acknowledged: ${sorted.map(Math.round).join(' ')} ms\n`);
    expect(said.filter((line) => line.includes('update'))).toEqual([]);
  });

  test('a new listener, whose files are new too, is acknowledged with its routes', async () => {
    await writeAtomically(mount(), new Map([...filesOf({ version: 'a@1', listeners: [], clusters: [] })].slice(0, 2)));
    envoy = await start();
    const none = new Map([...expected('a@1')].slice(0, 2));
    expect(await waitForVersions({ admin: envoy.admin, expected: none, before: nothingBefore })).toEqual({
      acknowledged: true,
    });
    expect(await tell(envoy, { version: 'a@2' })).toEqual({ acknowledged: true });
    expect(await get()).toBe('a@2');
  });

  test.each([
    [
      'a cluster',
      { clusters: [cluster('one', { transport_socket: tls, type: 'ORIGINAL_DST' })] },
      subscription.cds,
      /cluster\(s\) one: .*ORIGINAL_DST/i,
    ],
    [
      'an unknown field',
      { clusters: [cluster('one', { transport_socket: tls, nope: 1 })] },
      subscription.cds,
      /no such field: 'nope'/,
    ],
    ['a listener', { listeners: [listener('web', 99_999)] }, subscription.lds, /PortValue: value must be less than/],
    [
      'routes of another name',
      { routes: { ...routes('x'), name: 'other' } },
      subscription.rds(web, web),
      /Unexpected RDS configuration \(expecting gw.a\/web:http\): other/,
    ],
    [
      'a filter',
      { jwt: { providers: { corp: { issuer: 's3cret' } } } },
      subscription.ecds(filter),
      /Providers\[corp\]/,
    ],
    ['a certificate', { trust: { trusted_ca: { inline_string: 's3cret' } } }, subscription.sds(trust), /trusted CA/i],
  ])('%s that Envoy refuses is reported with the reason; the old answer stays, a mend is taken', async (...row) => {
    const [, world, at, reason] = row;
    const running = await serving({ version: 'a@1' });
    const refused = await tell(running, { version: 'a@2', ...world });
    expect(refused).toEqual({
      acknowledged: false,
      rejected: [{ subscription: at, detail: expect.stringMatching(reason) }],
      pending: [],
    });
    expect([JSON.stringify(refused), ...said].join('\n')).not.toContain('s3cret');
    if (at.startsWith('http.')) expect(await get()).toBe('a@1');
    expect(await tell(running, { version: 'a@3' })).toEqual({ acknowledged: true });
    expect(await get()).toBe('a@3');
  });

  test('a file that is no JSON is reported without its content', async () => {
    const running = await serving({ version: 'a@1' });
    const before = await stateBefore(running.admin, running.log);
    await writeAtomically(
      mount(),
      new Map([...filesOf({ version: 'a@2' }), ['rds-web.json', '{"version_info": s3cret']]),
    );
    const options = { admin: running.admin, log: running.log, expected: expected('a@2'), before };
    expect(await waitForVersions(options)).toEqual({
      acknowledged: false,
      rejected: [{ subscription: subscription.rds(web, web), detail: expect.stringContaining('Unable to parse JSON') }],
      pending: [],
    });
    expect(said.join('\n')).not.toContain('s3cret');
  });

  test('a port that somebody else has is named', async () => {
    const running = await serving({ version: 'a@1' });
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const taken = (other.address() as { port: number }).port;
    const answer = await tell(running, { version: 'a@2', listeners: [listener('web', port), listener('two', taken)] });
    other.close();
    expect(answer).toMatchObject({
      acknowledged: false,
      rejected: [
        { subscription: subscription.lds, detail: expect.stringContaining(`127.0.0.1:${taken}': Address already`) },
      ],
    });
    expect(await get()).toBe('a@2');
  });

  test('two refusals at once are both told, each with its own reason', async () => {
    const running = await serving({ version: 'a@1' });
    const answer = await tell(running, {
      version: 'a@2',
      clusters: [cluster('one', { transport_socket: tls }), cluster('bad', { type: 'ORIGINAL_DST' })],
      listeners: [listener('web', 99_999)],
    });
    const rejected = 'rejected' in answer ? answer.rejected : [];
    expect(new Map(rejected.map(({ subscription: at, detail }) => [at, detail]))).toEqual(
      new Map([
        [subscription.lds, expect.stringContaining('PortValue')],
        [subscription.cds, expect.stringContaining('cluster(s) bad')],
      ]),
    );
  });

  test('of publications in a rush the last is acknowledged, also when a file was read during the next swap', async () => {
    const running = await serving({ version: 'a@1' });
    const before = await stateBefore(running.admin, running.log);
    for (let number = 2; number <= 40; number += 1) await writeAtomically(mount(), filesOf({ version: `a@${number}` }));
    const options = { admin: running.admin, log: running.log, expected: expected('a@40'), before };
    expect(await waitForVersions(options)).toEqual({ acknowledged: true });
    expect(await get()).toBe('a@40');
  });

  test('what nobody asks for is pending when the time is up, and a wait can be ended', async () => {
    const running = await serving({ version: 'a@1' });
    const options = {
      admin: running.admin,
      expected: new Map([[subscription.sds('none'), 'a@1']]),
      before: nothingBefore,
    };
    expect(await waitForVersions({ ...options, timeoutMs: 100 })).toEqual({
      acknowledged: false,
      rejected: [],
      pending: ['sds.none'],
    });
    const signal = AbortSignal.abort(new Error('gone'));
    await expect(waitForVersions({ ...options, signal })).rejects.toThrow('gone');
  });
});

suite('the process', () => {
  const idle = { node: { id: 'test', cluster: 'test' } };

  test('stop ends it, removes its files and is no unexpected exit', async () => {
    envoy = await start(idle);
    const { pid } = envoy;
    expect(alive(pid)).toBe(true);
    await envoy.stop();
    await envoy.stop();
    expect(alive(pid)).toBe(false);
    expect(readdirSync(join(root, 'envoy'))).toEqual([]);
    expect(exits).toEqual([]);
  });

  test('an exit that nobody asked for is reported once', async () => {
    envoy = await start(idle);
    process.kill(envoy.pid, 'SIGKILL');
    await envoy.exited;
    await sleep(0);
    expect(exits).toEqual([{ code: null, signal: 'SIGKILL', lines: expect.any(Array) }]);
  });

  test('a bootstrap that Envoy refuses is told in its words', async () => {
    await expect(start({ ...idle, nope: 1 })).rejects.toThrow(/^Envoy did not start: .*no such field: 'nope'/);
    expect(exits).toEqual([]);
  });

  test('so is a program that is none', async () => {
    const options = { directory: join(root, 'e'), bootstrap: idle, env: process.env, onExit: () => {}, log: () => {} };
    await expect(startEnvoy({ ...options, binary: join(root, 'none') })).rejects.toThrow(/did not start: .*none/);
    await expect(startEnvoy({ ...options, binary: '/bin/true' })).rejects.toThrow('ended with code 0 and said nothing');
  });

  test('a directory too deep for a socket still works and leaves nothing behind', async () => {
    const directory = join(root, 'd'.repeat(120));
    envoy = await startEnvoy({ binary, directory, bootstrap: idle, env: process.env, onExit: () => {}, log: () => {} });
    const socket = envoy.adminSocket;
    expect(await envoy.admin.ready()).toBe(true);
    await envoy.stop();
    expect(existsSync(join(socket, '..'))).toBe(false);
  });

  test('Envoy ends when the process that started it is killed', async () => {
    const script = join(root, 'parent.mjs');
    const module = join(import.meta.dirname, 'process.ts');
    writeFileSync(
      script,
      `import { startEnvoy } from ${JSON.stringify(module)};
const options = { binary: ${JSON.stringify(binary)}, directory: ${JSON.stringify(join(root, 'e'))}, bootstrap: {}, env: process.env, concurrency: 1 };
const envoy = await startEnvoy({ ...options, onExit() {}, log() {} });
process.stdout.write(String(envoy.pid));`,
    );
    const parent = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const pid = Number(await new Promise((resolve) => parent.stdout.once('data', resolve)));
    expect(alive(pid)).toBe(true);
    parent.kill('SIGKILL');
    for (let left = 100; left > 0 && alive(pid); left -= 1) await sleep(20);
    expect(alive(pid)).toBe(false);
  });
});
