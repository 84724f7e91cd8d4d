import { createServer } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import type { Gateway } from '../../ir/gateway.ts';
import { resolver } from '../../resolve/resolve.ts';
import { gateway, snapshotOf } from '../../testing/build.ts';
import { freePort } from '../../testing/ports.ts';
import { type PortMapping, PortPlan, type Probe, probePort } from './ports.ts';

function gatewayWith(name: string, ...ports: readonly number[]): Gateway {
  const listeners = ports.map((port) => ({ name: `l${port}`, port, protocol: 'HTTP' }));
  const found = resolver()(snapshotOf([gateway({ listeners }, { name })])).gateways.get(`shop/${name}`);
  if (found === undefined) throw new Error('no gateway');
  return found;
}

/** A machine whose ports below 1024 need rights, and on which `taken` are in use. */
const machine =
  (...taken: readonly number[]): Probe =>
  (_, port) =>
    Promise.resolve(
      taken.includes(port)
        ? { free: false, code: 'EADDRINUSE' }
        : port === 0
          ? { free: true, port: 40_000 }
          : port < 1024
            ? { free: false, code: 'EACCES' }
            : { free: true, port },
    );
const root: Probe = (_, port) => Promise.resolve({ free: true, port });

const nowhere: Probe = () => Promise.resolve({ free: false, code: 'EADDRNOTAVAIL' });

const map = (port: number, bound: number, gatewayKey?: string): PortMapping => ({ gateway: gatewayKey, port, bound });

async function assigned(probe: Probe, mappings: readonly PortMapping[], ...ports: readonly number[]) {
  const { ports: found, findings } = await new PortPlan('127.0.0.1', mappings, probe).assign(
    gatewayWith('edge', ...ports),
  );
  return findings.length > 0 ? findings.map(({ message }) => message) : [...found];
}

describe('which port stands for which', () => {
  test.each([
    ['its own, where it can be bound', machine(), [], [8080], [[8080, 8080]]],
    ['its own, for root', root, [], [80], [[80, 80]]],
    [
      '10000 more, where it needs rights',
      machine(),
      [],
      [80, 443],
      [
        [80, 10_080],
        [443, 10_443],
      ],
    ],
    [
      'as mapped',
      machine(),
      [map(443, 8443)],
      [80, 443],
      [
        [80, 10_080],
        [443, 8443],
      ],
    ],
    [
      'as mapped for this gateway',
      machine(),
      [map(80, 8080, 'shop/other'), map(80, 8081, 'shop/edge')],
      [80],
      [[80, 8081]],
    ],
    ['the last mapping counts', machine(), [map(80, 8080), map(80, 8081)], [80], [[80, 8081]]],
    ['any free one', machine(), [map(80, 0)], [80], [[80, 40_000]]],
  ] as const)('%s', async (...[, probe, mappings, ports, expected]) => {
    expect(await assigned(probe, mappings, ...ports)).toEqual(expected);
  });

  test.each([
    ['in use', machine(8080), [], [8080], 'port 8080 is in use by another program'],
    [
      'raised and in use',
      machine(10_080),
      [],
      [80],
      'port 80 needs rights that this user lacks, and port 10080 is in use by another program',
    ],
    ['mapped and in use', machine(8443), [map(443, 8443)], [443], 'port 8443 is in use by another program'],
    [
      'mapped to one that needs rights',
      machine(),
      [map(443, 444)],
      [443],
      'port 444 needs rights that this user lacks',
    ],
    ['two mapped to one', machine(), [map(80, 8080)], [80, 8080], 'port 8080 is already that of another listener'],
    ['an address of another machine', nowhere, [], [80], '127.0.0.1 is no address of this machine'],
  ] as const)('%s is refused', async (...[, probe, mappings, ports, why]) => {
    const port = ports.at(-1);
    expect(await assigned(probe, mappings, ...ports)).toEqual([
      `listener l${port} of ApiGateway shop/edge cannot open its port ${port}: ${why}`,
    ]);
  });

  test('of two gateways with one port the second is refused, with the remedy, until the first is gone', async () => {
    const plan = new PortPlan('127.0.0.1', [], machine());
    const [first, second] = [gatewayWith('a', 8080), gatewayWith('b', 8080)];
    expect((await plan.assign(first)).findings).toEqual([]);
    expect((await plan.assign(second)).findings).toEqual([
      {
        about: { kind: 'ApiGateway', namespace: 'shop', name: 'b' },
        severity: 'error',
        reason: 'Conflicted',
        at: 'spec.listeners[0].port',
        message:
          'listener l8080 of ApiGateway shop/b cannot open its port 8080: port 8080 is already that of ApiGateway shop/a',
        remedy: 'Free the port, or choose another one with --port-map shop/b:8080=FREE_PORT',
      },
    ]);
    plan.release('shop/a');
    expect([...(await plan.assign(second)).ports]).toEqual([[8080, 8080]]);
  });

  test('two gateways whose port is raised, or any free one, never get the same', async () => {
    const raised = new PortPlan('127.0.0.1', [], machine());
    expect([...(await raised.assign(gatewayWith('a', 80))).ports.values()]).toEqual([10_080]);
    expect((await raised.assign(gatewayWith('b', 80))).findings.map(({ message }) => message)).toEqual([
      'listener l80 of ApiGateway shop/b cannot open its port 80: port 80 needs rights that this user lacks, and port 10080 is already that of ApiGateway shop/a',
    ]);
    const offered = [40_000, 40_000, 40_001];
    const any = new PortPlan('127.0.0.1', [map(80, 0)], () =>
      Promise.resolve({ free: true, port: offered.shift() ?? 0 }),
    );
    expect([...(await any.assign(gatewayWith('a', 80))).ports.values()]).toEqual([40_000]);
    expect([...(await any.assign(gatewayWith('b', 80))).ports.values()]).toEqual([40_001]);
  });

  test('a port once given is not tried again, as our own Envoy has it; a lost one is', async () => {
    const tried: number[] = [];
    const probe: Probe = (_, port) => {
      tried.push(port);
      return Promise.resolve({ free: true, port });
    };
    const plan = new PortPlan('127.0.0.1', [], probe);
    const edge = gatewayWith('edge', 8080);
    await plan.assign(edge);
    await plan.assign(edge);
    expect(tried).toEqual([8080]);
    plan.lost(edge, 8080);
    await plan.assign(edge);
    expect(tried).toEqual([8080, 8080]);
  });
});

test('probing binds for real', async () => {
  const port = await freePort();
  expect(await probePort('127.0.0.1', port)).toEqual({ free: true, port });
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  expect(await probePort('127.0.0.1', port)).toEqual({ free: false, code: 'EADDRINUSE' });
  await new Promise((resolve) => server.close(resolve));
  expect(await probePort('203.0.113.1', port)).toEqual({ free: false, code: 'EADDRNOTAVAIL' });
  expect(await probePort('127.0.0.1', 0)).toEqual({ free: true, port: expect.any(Number) });
});
