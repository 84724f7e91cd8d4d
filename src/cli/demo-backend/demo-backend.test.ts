import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { connect } from 'node:http2';
import { hostname } from 'node:os';
import { afterEach, expect, test } from '@jest/globals';
import { startCli } from '../../testing/cli-run.ts';
import { type DemoServer, startDemoBackend } from './demo-backend.ts';

const running: DemoServer[] = [];

async function start(options: { readonly name: string; readonly delay?: number }): Promise<DemoServer> {
  const server = await startDemoBackend({ port: 0, delay: 0, ...options });
  running.push(server);
  return server;
}

afterEach(() => Promise.all(running.splice(0).map((server) => server.drain())));

async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return text;
}

test('tells over HTTP/1.1 what it was asked', async () => {
  const { port } = await start({ name: 'orders' });
  const response = await fetch(`http://127.0.0.1:${port}/a/b?c=d`, {
    method: 'POST',
    body: 'x',
    headers: { 'X-One': '1' },
  });
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/json']);
  expect(await response.json()).toEqual({
    backend: 'orders',
    pod: hostname(),
    method: 'POST',
    path: '/a/b?c=d',
    host: `127.0.0.1:${port}`,
    headers: expect.objectContaining({ 'x-one': '1', 'content-length': '1' }),
  });
});

test('tells it over h2c, on the same port', async () => {
  const { port } = await start({ name: 'orders' });
  const session = connect(`http://127.0.0.1:${port}`);
  const stream = session.request({ ':path': '/two', ':authority': 'shop.example', 'x-one': '1' });
  let text = '';
  for await (const chunk of stream.setEncoding('utf8')) text += chunk;
  expect(JSON.parse(text)).toEqual({
    backend: 'orders',
    pod: hostname(),
    method: 'GET',
    path: '/two',
    host: 'shop.example',
    headers: { 'x-one': '1' },
  });
  session.close();
});

test('a probe is not delayed', async () => {
  const { port } = await start({ name: 'slow', delay: 3_600_000 });
  const response = await fetch(`http://127.0.0.1:${port}/healthz`);
  expect([response.status, await response.text()]).toEqual([200, 'ok\n']);
});

test('drains: an idle connection is closed, and a request it has is answered on one that closes then', async () => {
  const server = await start({ name: 'slow', delay: 200 });
  const agent = new Agent({ keepAlive: true });
  const [idle] = (await once(get({ port: server.port, path: '/healthz', agent }), 'response')) as [IncomingMessage];
  const { socket } = idle;
  await textOf(idle);
  const asked = get({ port: server.port, path: '/', agent: false });
  await once(asked, 'finish');
  // Another request's answer tells that the server has read this one.
  await (await fetch(`http://127.0.0.1:${server.port}/healthz`)).text();
  const closed = once(socket, 'close');
  const drained = server.drain();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  expect([response.statusCode, response.headers.connection]).toEqual([200, 'close']);
  expect(JSON.parse(await textOf(response))).toMatchObject({ backend: 'slow' });
  await Promise.all([closed, drained]);
  agent.destroy();
});

test('is a command that says where it listens, and ends on SIGTERM', async () => {
  const run = startCli(['--port', '0', '--name', 'orders'], { command: ['bin/evengate', 'demo-backend'] });
  const line = await run.line();
  const port = /^orders listens on port (\d+), HTTP\/1.1 and h2c$/.exec(line)?.[1];
  expect(await (await fetch(`http://127.0.0.1:${port}/`)).json()).toMatchObject({ backend: 'orders', path: '/' });
  run.kill('SIGTERM');
  expect(await run.exited).toBe(0);
});

test('a port that is taken ends it with 3', async () => {
  const { port } = await start({ name: 'first' });
  const run = startCli(['--port', String(port)], { command: ['bin/evengate', 'demo-backend'] });
  expect(await run.exited).toBe(3);
  expect(run.output.stderr).toContain(`port ${port} cannot be bound`);
  expect(run.output.stderr).toContain('--port');
});
