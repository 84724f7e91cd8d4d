import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer, request } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { endCli, type ReadyLine, type RunningCli, startCli } from '../../testing/cli-run.ts';
import { envoyForTests } from '../../testing/envoy.ts';
import { freePort } from '../../testing/ports.ts';

const found = await envoyForTests();
const suite = 'binary' in found ? describe : describe.skip;
const env = { EVENGATE_ENVOY: 'binary' in found ? found.binary : '' };

let folder = '';
let cli: RunningCli | undefined;
const servers: Server[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'manifests-'));
});
afterEach(async () => {
  await endCli(cli);
  cli = undefined;
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

const write = (name: string, ...texts: readonly string[]) => writeFileSync(join(folder, name), texts.join('---\n'));

const gateway = (name = 'edge', ...listeners: readonly string[]) => `apiVersion: evengate.dev/v1alpha1
kind: ApiGateway
metadata: {name: ${name}, namespace: shop}
spec: {listeners: [${listeners.join(', ') || '{name: web, port: 80, protocol: HTTP}'}]}
`;
const rule = (answer: string, path = '/') => `{matches: [{path: {value: ${path}}}], ${answer}}`;
const respond = (body: string) => `respond: {status: 200, body: ${body}}`;
const toOrders = 'backendRefs: [{name: orders, port: 80}]';
const route = (name: string, rules: readonly string[], parent = 'edge') => `apiVersion: evengate.dev/v1alpha1
kind: Route
metadata: {name: ${name}, namespace: shop}
spec: {parentRefs: [{name: ${parent}}], rules: [${rules.join(', ')}]}
---
apiVersion: evengate.dev/v1alpha1
kind: AuthPolicy
metadata: {name: ${name}, namespace: shop}
spec: {targetRefs: [{kind: Route, name: ${name}}], authorize: {allow: [{name: anyone}]}}
`;
const service = (annotation = '') => `apiVersion: v1
kind: Service
metadata: {name: orders, namespace: shop, annotations: {evengate.dev/local-address: "${annotation}"}}
spec: {ports: [{port: 80}]}
`;

function start(...args: readonly string[]): RunningCli {
  cli = startCli(['-f', folder, ...args], { env });
  return cli;
}

/** With JSON lines and free ports. */
const startJson = (...args: readonly string[]) => start('-o', 'json', '--port-map', '80=0', ...args);

interface Answer {
  readonly status: number;
  readonly body: string;
}

function get(line: ReadyLine, path = '/', gatewayName = 'shop/edge'): Promise<Answer> {
  const port = line.gateways.find(({ name }) => name === gatewayName)?.listeners[0]?.port;
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      let body = '';
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    call.on('error', reject);
    call.end();
  });
}

async function backend(body: string): Promise<number> {
  const server = createHttpServer((_, response) => response.end(body));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** A port that another program has. */
async function takenPort(): Promise<number> {
  const server = createServer();
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

suite('evengate run', () => {
  test('is silent about requests, unless it is asked for the access log', async () => {
    write('all.yaml', gateway(), route('a', [rule(respond('one'))]));
    const quiet = startJson();
    expect(await get(await quiet.ready())).toEqual({ status: 200, body: 'one' });
    expect(await endCli(quiet)).toBeUndefined();
    expect(`${quiet.output.stdout}${quiet.output.stderr}`).not.toContain('"decision"');

    const told = startJson('--access-log');
    await get(await told.ready(), '/a?token=canary');
    await told.says('"decision":"admitted"');
    const [line = ''] = told.output.stderr.split('\n').filter((text) => text.includes('"decision"'));
    expect(JSON.parse(line)).toMatchObject({ gateway: 'shop/edge', route: 'shop/a', path: '/a', response_code: 200 });
    expect(told.output.stdout).not.toContain('decision');
  });

  test('says in one line when it serves, and again after each change that it took up', async () => {
    write('gateway.yaml', gateway());
    write('routes.yaml', route('a', [rule(respond('one'))]));
    const run = startJson();
    const first = await run.ready();
    expect(first).toEqual({
      ready: true,
      gateways: [
        {
          name: 'shop/edge',
          listeners: [{ name: 'web', address: '127.0.0.1', port: expect.any(Number) }],
          revision: expect.stringMatching(/^[0-9a-f]{16}$/),
        },
      ],
    });
    expect(await get(first)).toEqual({ status: 200, body: 'one' });

    write('routes.yaml', route('a', [rule(respond('two'))]));
    const second = await run.ready();
    expect(await get(second)).toEqual({ status: 200, body: 'two' });
    expect(second.gateways[0]?.revision).not.toBe(first.gateways[0]?.revision);
    expect(second.gateways[0]?.listeners).toEqual(first.gateways[0]?.listeners);

    write('more.yaml', route('b', [rule(respond('more'), '/more')]));
    expect(await get(await run.ready(), '/more')).toEqual({ status: 200, body: 'more' });

    rmSync(join(folder, 'more.yaml'));
    const last = await run.ready();
    expect(await get(last, '/more')).toEqual({ status: 200, body: 'two' });
    expect(last.gateways[0]?.revision).toBe(second.gateways[0]?.revision);
    expect(run.output.stdout.trim().split('\n')).toHaveLength(4);
  });

  test('a broken file leaves its last good objects and is told with its place; another file is taken up meanwhile', async () => {
    write('gateway.yaml', gateway());
    write('a.yaml', route('a', [rule(respond('a'), '/a')]));
    const run = startJson();
    await run.ready();
    write('a.yaml', 'kind: Route\nspec: [');
    await run.says(/a\.yaml not taken up/);
    expect(run.output.stderr).toMatch(/a\.yaml:\d+:\d+ +error/);
    write('b.yaml', route('b', [rule(respond('b'), '/b')]));
    const line = await run.ready();
    expect([(await get(line, '/a')).body, (await get(line, '/b')).body]).toEqual(['a', 'b']);
    write('a.yaml', route('a', [rule(respond('mended'), '/a')]));
    expect((await get(await run.ready(), '/a')).body).toBe('mended');
  });

  test('an ApiGateway that cannot be read any more serves on as it was', async () => {
    write('gateway.yaml', gateway());
    write('a.yaml', route('a', [rule(respond('a'))]));
    const run = startJson();
    const line = await run.ready();
    write('gateway.yaml', gateway('edge', '{name: web, port: 80, protocol: NONE}'));
    await run.says(/gateway\.yaml not taken up/);
    expect(await get(line)).toEqual({ status: 200, body: 'a' });
  });

  test('gateways come and go with their Envoys, without a word to the others', async () => {
    write('gateway.yaml', gateway());
    write('a.yaml', route('a', [rule(respond('a'))]));
    const run = startJson();
    const [first] = (await run.ready()).gateways;
    write('other.yaml', gateway('other'), route('o', [rule(respond('o'))], 'other'));
    const both = await run.ready();
    expect(both.gateways.map(({ name }) => name)).toEqual(['shop/edge', 'shop/other']);
    expect(both.gateways[0]).toEqual(first);
    expect((await get(both, '/', 'shop/other')).body).toBe('o');
    expect(run.envoys()).toHaveLength(2);
    rmSync(join(folder, 'gateway.yaml'));
    const left = await run.ready();
    expect(left.gateways.map(({ name }) => name)).toEqual(['shop/other']);
    expect(run.envoys()).toHaveLength(1);
    expect((await get(left, '/', 'shop/other')).body).toBe('o');
  });

  test('backends: the command line before the annotation, both before none', async () => {
    write('gateway.yaml', gateway());
    write('a.yaml', route('a', [rule(toOrders)]));
    write('service.yaml', service());
    const [annotated, given] = [await backend('annotated'), await backend('given')];
    const run = startJson();
    expect((await get(await run.ready())).status).toBe(503);
    write('service.yaml', service(`127.0.0.1:${annotated}`));
    expect((await get(await run.ready())).body).toBe('annotated');
    await endCli(cli);
    const again = startJson('--backend', `shop/orders:80=127.0.0.1:${given}`);
    expect((await get(await again.ready())).body).toBe('given');
  });

  test('--once serves, says so, ends with 0 and leaves nothing', async () => {
    write('all.yaml', gateway(), route('a', [rule(respond('a'))]));
    const run = startJson('--once');
    expect((await run.ready()).ready).toBe(true);
    expect(await run.exited).toBe(0);
    expect(run.output.stdout.split('\n')).toHaveLength(2);
    expect([run.envoys(), run.leftovers()]).toEqual([[], []]);
  });

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    '%s ends everything: no process, no file, code 0',
    async (signal) => {
      write('all.yaml', gateway(), route('a', [rule(respond('a'))]));
      const run = startJson();
      await run.ready();
      expect([run.envoys().length, run.leftovers().length]).toEqual([1, 1]);
      run.kill(signal);
      run.kill(signal); // npm and the terminal may both pass it on
      expect(await run.exited).toBe(0);
      expect([run.envoys(), run.leftovers()]).toEqual([[], []]);
    },
  );

  test('a signal while it starts ends everything, too', async () => {
    write('all.yaml', gateway(), route('a', [rule(respond('a'))]));
    const run = startJson();
    while (run.envoys().length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    run.kill('SIGTERM');
    expect(await run.exited).toBe(0);
    expect([run.envoys(), run.leftovers()]).toEqual([[], []]);
  });

  test('text: listeners, routes and who guards them', async () => {
    write(
      'all.yaml',
      gateway(),
      route('a', [rule(respond('a'))]),
      service(),
      route('b', [rule(toOrders, '/b')]).split('---\n')[0] ?? '',
    );
    const run = start('--port-map', '80=0', '--log', 'pretty');
    await run.says('Routes');
    await run.says(/403: no AuthPolicy covers it/);
    expect(run.output.stdout).toMatch(/^ {2}shop\/edge +web +80 +http:\/\/127\.0\.0\.1:\d+ +\*$/m);
    expect(run.output.stdout).toMatch(/^ {2}edge\/web +\* +\/b +shop\/orders:80 +403: no AuthPolicy covers it$/m);
    expect(run.output.stdout).toMatch(/^ {2}edge\/web +\* +\/ +answers 200 +public$/m);
    expect(run.output.stderr).toMatch(/all\.yaml:\d+:\d+ +error +NotCovered +Route shop\/b/);
  });
});

suite('what run cannot do', () => {
  async function fails(...args: readonly string[]): Promise<{ readonly code: number | string; readonly said: string }> {
    const run = start('--once', ...args);
    const code = await run.exited;
    expect(run.output.stdout).toBe('');
    expect(run.leftovers()).toEqual([]);
    return { code, said: run.output.stderr.trim().split('\n').at(-1) ?? '' };
  }

  test('a port in use: 3, with port, listener and remedy', async () => {
    const taken = await takenPort();
    write('all.yaml', gateway('edge', `{name: web, port: ${taken}, protocol: HTTP}`));
    expect(await fails()).toEqual({
      code: 3,
      said: `evengate: listener web of ApiGateway shop/edge cannot open its port ${taken}: port ${taken} is in use by another program. Free the port, or choose another one with --port-map shop/edge:${taken}=FREE_PORT.`,
    });
    const other = await freePort();
    await endCli(cli);
    const run = start('-o', 'json', '--port-map', `shop/edge:${taken}=${other}`);
    expect((await run.ready()).gateways[0]?.listeners[0]?.port).toBe(other);
  });

  test('a port that comes later and is in use: told, and the last good state stays', async () => {
    const taken = await takenPort();
    write('gateway.yaml', gateway());
    write('a.yaml', route('a', [rule(respond('a'))]));
    const run = startJson();
    const line = await run.ready();
    write(
      'gateway.yaml',
      gateway('edge', '{name: web, port: 80, protocol: HTTP}', `{name: two, port: ${taken}, protocol: HTTP}`),
    );
    await run.says(/gateway\.yaml not taken up/);
    expect(run.output.stderr).toContain(`port ${taken} is in use by another program`);
    expect((await get(line)).body).toBe('a');
  });

  test('two gateways with one port: 3, the second is named', async () => {
    const port = await freePort();
    const listener = `{name: web, port: ${port}, protocol: HTTP}`;
    write('all.yaml', gateway('b', listener), gateway('a', listener));
    const { code, said } = await fails();
    expect(code).toBe(3);
    expect(said).toContain(
      `listener web of ApiGateway shop/b cannot open its port ${port}: port ${port} is already that of ApiGateway shop/a`,
    );
    expect(said).toContain(`--port-map shop/b:${port}=FREE_PORT`);
  });

  test('no Envoy: 3, in one sentence', async () => {
    write('all.yaml', gateway());
    cli = startCli(['-f', folder, '--port-map', '80=0'], { env: { EVENGATE_ENVOY: '/nonexistent/envoy' } });
    expect(await cli.exited).toBe(3);
    expect(cli.output.stderr).toMatch(
      /^evengate: EVENGATE_ENVOY is \/nonexistent\/envoy, but .* does not exist\. .*\.\n$/m,
    );
  });

  test('no place for its files: 3, with what to set', async () => {
    write('all.yaml', gateway());
    cli = startCli(['-f', folder, '--port-map', '80=0'], { env: { TMPDIR: '/nonexistent' } });
    expect(await cli.exited).toBe(3);
    expect(cli.output.stderr).toMatch(
      /^evengate: Envoy did not start: .* in \/nonexistent .*set TMPDIR to a folder\.\n$/m,
    );
  });

  test('an Envoy that does not start: 3, in its words', async () => {
    write('all.yaml', gateway());
    mkdirSync(join(folder, 'bin'));
    const fake = join(folder, 'bin', 'envoy');
    writeFileSync(
      fake,
      '#!/bin/sh\n[ "$1" = --version ] && echo "envoy  version: 1/1.40.0/Clean/RELEASE/x" && exit\necho it is broken >&2\nexit 1\n',
      { mode: 0o755 },
    );
    cli = startCli(['-f', folder, '--port-map', '80=0'], { env: { EVENGATE_ENVOY: fake } });
    expect(await cli.exited).toBe(3);
    expect(cli.output.stderr).toMatch(/evengate: Envoy did not start: it is broken\.\n$/);
    expect(cli.leftovers()).toEqual([]);
  });

  test('text that cannot be read: 2, before any Envoy starts', async () => {
    write('good.yaml', gateway());
    write('bad.yaml', 'a: [');
    const { code, said } = await fails();
    expect([code, said]).toEqual([2, 'evengate: what is named above cannot be read, so nothing is served.']);
    expect(cli?.output.stderr).toMatch(/bad\.yaml:\d+:\d+ +error +Unreadable/);
  });

  test('nothing to serve, and paths that are not there: 2', async () => {
    write('all.yaml', service());
    expect(await fails()).toMatchObject({ code: 2, said: expect.stringContaining('no ApiGateway that can be served') });
    cli = startCli(['-f', join(folder, 'none')], { env });
    expect(await cli.exited).toBe(2);
    expect(cli.output.stderr).toMatch(/no such file or folder/);
  });

  test('a backend of no Service: 2, with those that there are', async () => {
    write('all.yaml', gateway(), service());
    expect(await fails('--backend', 'shop/nope:80=127.0.0.1:1')).toEqual({
      code: 2,
      said: 'evengate: --backend shop/nope:80 names no Service and port of the manifests; known are shop/orders:80.',
    });
  });

  test.each([
    [['--backend', 'orders=1'], 'NAMESPACE/SERVICE:PORT=HOST:PORT'],
    [['--port-map', 'x=1'], 'PORT=PORT'],
    [['--port-map', '80=70000'], 'PORT=PORT'],
    [['--listen', 'localhost'], 'Write an IP address'],
  ])('%j: 2, with how it is written', async (args, words) => {
    const { code } = await fails(...args);
    expect([code, cli?.output.stderr]).toEqual([2, expect.stringContaining(words)]);
  });
});
