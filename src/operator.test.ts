import { execFile } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import type { OperatorOptions } from './operator.ts';
import { Manager } from './runtime/manager.ts';
import { aborted } from './runtime/signals.ts';
import { FakeClock, settle } from './testing/fake-clock.ts';
import { logLines } from './testing/log-lines.ts';

let operators: typeof import('./operator.ts');
let base: object;
const environment = { ...process.env };

beforeAll(async () => {
  // Jest cannot load the two together: one is an ES module that the other requires.
  await import('@kubernetes/client-node');
  const { default: dotI } = await import('@dot-i/k8s-operator');
  base = dotI.default.prototype;
  operators = await import('./operator.ts');
});

afterEach(() => {
  process.env = { ...environment };
});

function newOptions(run: (stop: AbortSignal) => Promise<void>): OperatorOptions & { readonly ended: () => boolean } {
  const { log } = logLines();
  let ended = false;
  const components = async () => {
    const manager = new Manager({ clock: new FakeClock(), log });
    const component = async (stop: AbortSignal) => {
      await run(stop);
      ended = true;
    };
    return manager.add({ name: 'controller', run: component });
  };
  return { log, components, ended: () => ended };
}

test('is an Operator of @dot-i/k8s-operator, made, started and stopped as one', async () => {
  const options = newOptions(aborted);
  const operator = new operators.EvengateOperator(options);
  expect(Object.getPrototypeOf(operators.EvengateOperator.prototype)).toBe(base);
  const running = operator.start();
  await settle();
  expect(options.ended()).toBe(false);
  operator.stop();
  await running;
  expect(options.ended()).toBe(true);
});

test('needs no kubeconfig to be made, and reads none', () => {
  process.env['KUBECONFIG'] = '/nonexistent/kubeconfig';
  const operator = new operators.EvengateOperator(newOptions(aborted));
  expect(Object.keys(operator)).toEqual([]);
});

test('start rejects with what went wrong', async () => {
  const failed = new operators.EvengateOperator(newOptions(() => Promise.reject(new Error('no API server'))));
  await expect(failed.start()).rejects.toThrow('no API server');
  const { log, lines } = logLines();
  const unmade = new operators.EvengateOperator({ log, components: () => Promise.reject(new Error('no kubeconfig')) });
  await expect(unmade.start()).rejects.toThrow('no kubeconfig');
  expect(lines).toEqual([{ level: 'error', msg: 'cannot start', error: 'no kubeconfig' }]);
});

test('stopped while it is being made, it starts nothing', async () => {
  const { log } = logLines();
  const events: string[] = [];
  const made = Promise.withResolvers<Manager>();
  const operator = new operators.EvengateOperator({ log, components: () => made.promise });
  const running = operator.start();
  operator.stop();
  const manager = new Manager({ clock: new FakeClock(), log });
  made.resolve(manager.add({ name: 'controller', run: async () => void events.push('started') }));
  await running;
  expect(events).toEqual([]);
});

test('a signal ends it in order, a second one at once', async () => {
  const signals = new EventEmitter();
  const finish = Promise.withResolvers<void>();
  const killed: string[] = [];
  const options = newOptions(() => finish.promise);
  const running = operators.runOperator(options, signals, () => killed.push('killed'));
  await settle();
  signals.emit('SIGTERM', 'SIGTERM');
  await settle();
  expect(killed).toEqual([]);
  signals.emit('SIGINT', 'SIGINT');
  expect(killed).toEqual(['killed']);
  finish.resolve();
  await running;
  expect(signals.eventNames()).toEqual([]);
});

test('after a failure a process that does not go by itself is killed', async () => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
  try {
    const killed: string[] = [];
    const options = newOptions(() => Promise.reject(new Error('no API server')));
    const running = operators.runOperator(options, new EventEmitter(), () => killed.push('killed'));
    await expect(running).rejects.toThrow('no API server');
    expect(killed).toEqual([]);
    jest.advanceTimersByTime(5000);
    expect(killed).toEqual(['killed']);
  } finally {
    jest.useRealTimers();
  }
});

test('no method of the base can reach an API server', async () => {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const cluster = { name: 'here', server: `http://127.0.0.1:${address.port}`, skipTLSVerify: true };
  const { KubeConfig } = await import('@kubernetes/client-node');
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromClusterAndUser(cluster, { name: 'nobody' });

  const operator = new operators.EvengateOperator(newOptions(aborted));
  // As if the base's constructor had run, and a resource been watched.
  const fields = {
    kubeConfig,
    k8sApi: { basePath: cluster.server },
    logger: { error: () => undefined },
    resourcePathBuilders: { 'routes.evengate.dev/v1alpha1': () => `${cluster.server}/x` },
    watchRequests: {},
    eventQueue: { push: () => undefined },
  };
  Object.assign(operator, fields);
  const meta = {
    id: 'routes.evengate.dev/v1alpha1',
    name: 'orders',
    apiVersion: 'evengate.dev/v1alpha1',
    kind: 'Route',
  };
  const object = { metadata: { name: 'orders' } };
  const calls: Readonly<Record<string, readonly unknown[]>> = {
    registerCustomResourceDefinition: [resolve('crds/evengate.dev_routes.yaml')],
    getCustomResourceApiUri: ['evengate.dev', 'v1alpha1', 'routes'],
    watchResource: ['evengate.dev', 'v1alpha1', 'routes', async () => undefined],
    setResourceStatus: [meta, {}],
    patchResourceStatus: [meta, {}],
    handleResourceFinalizer: [{ meta, object, type: 'ADDED' }, 'x/y', async () => undefined],
    setResourceFinalizers: [meta, ['x/y']],
    applyAxiosKubeConfigAuth: [{}],
    applyGaxiosKubeConfigAuth: [{}],
    resourceStatusRequest: ['PATCH', meta, {}],
    errorToJson: [new Error('x')],
  };
  const lifecycle = ['constructor', 'start', 'stop'];
  expect(allNames(base)).toEqual([...lifecycle, ...Object.keys(calls)].toSorted());
  for (const name of [...Object.keys(calls), ...lifecycle]) {
    expect([name, Object.hasOwn(operators.EvengateOperator.prototype, name)]).toEqual([name, true]);
  }
  for (const [name, values] of Object.entries(calls)) {
    const call = async () => await (Reflect.get(operator, name) as (...values: unknown[]) => unknown)(...values);
    await expect(call()).rejects.toThrow(`${name} of @dot-i/k8s-operator is not used here: `);
  }
  expect(connections).toBe(0);
  // The same call of the base itself arrives.
  const plain = Object.assign(Object.create(base) as object, fields);
  await (Reflect.get(plain, 'setResourceFinalizers') as (...values: unknown[]) => unknown).call(plain, meta, ['x/y']);
  expect(connections).toBeGreaterThan(0);
  await new Promise((closed) => server.close(closed));
});

/** Of the prototype and those above it. */
function allNames(prototype: object): readonly string[] {
  const names = new Set<string>();
  for (let at: object = prototype; at !== Object.prototype; at = Object.getPrototypeOf(at) as object) {
    for (const name of Object.getOwnPropertyNames(at)) names.add(name);
  }
  return [...names].toSorted();
}

test('`request` is not installed, and @kubernetes/client-node once', () => {
  const found = [...packagesBelow(resolve('node_modules'))];
  expect(found.filter((path) => path.endsWith('/request'))).toEqual([]);
  expect(found.filter((path) => path.endsWith('/@kubernetes/client-node'))).toHaveLength(1);
  expect(found.filter((path) => path.endsWith('/@dot-i/k8s-operator'))).toHaveLength(1);
});

test('the bundle holds the shell without what it refuses, and starts in silence', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'evengate-bundle-'));
  try {
    const out = join(folder, 'operator.js');
    const run = promisify(execFile);
    await run(process.execPath, ['scripts/build.ts', 'src/operator.ts', out]);
    const text = readFileSync(out, 'utf8');
    expect([text.includes('handleResourceFinalizer'), text.includes('GaxiosError')]).toEqual([true, false]);
    const script = `
      const { EvengateOperator } = await import(${JSON.stringify(out)});
      await new EvengateOperator({ components: async () => ({ run: async () => console.log('ran') }) }).start();`;
    expect(await run(process.execPath, ['--input-type=module', '-e', script])).toEqual({ stdout: 'ran\n', stderr: '' });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

function* packagesBelow(folder: string): Generator<string> {
  if (!existsSync(folder)) return;
  for (const { name } of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, name);
    if (name.startsWith('@')) yield* packagesBelow(path);
    else {
      yield path;
      yield* packagesBelow(join(path, 'node_modules'));
    }
  }
}
