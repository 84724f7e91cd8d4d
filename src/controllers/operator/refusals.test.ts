/** The API server refuses, delays, or is gone: a condition says so where a person could help, and all recovers without one. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { resources } from '../../kube/resources.ts';
import type { Fault } from '../../testing/kube-api/faults.ts';
import { kindRefusals } from '../../testing/kube-api/kind-refusals.ts';
import type { ApiRequest } from '../../testing/kube-api/request.ts';
import { endOf, reportFaults } from '../../testing/operator/oracles.ts';
import { conditionOf, type OperatorRig, rigPool } from '../../testing/operator/rig.ts';
import { createAll, guarded, pathRoute, shop } from '../../testing/operator/shop.ts';
import { type Told, tell } from '../../testing/operator/story.ts';
import { trafficFaults } from '../../testing/operator/traffic.ts';

const pool = rigPool({ validate: kindRefusals });
afterEach(pool.stop);

let known: Promise<Told> | undefined;
const usual = () => (known ??= pool.open().then((rig) => tell(rig)));

const writing = ['create', 'update', 'patch', 'delete'];

function siteOf({ verb, resource, subresource }: ApiRequest): string {
  return `${verb} ${resource}/${subresource}`;
}

/** The first calls of each kind, each so often. */
function firstOfEach(times: number, sites: Map<string, number>) {
  return (request: ApiRequest): boolean => {
    const site = siteOf(request);
    // What can be watched is the caches' own matter.
    if (request.verb === 'watch' || request.verb === 'list') return false;
    const count = (sites.get(site) ?? 0) + 1;
    sites.set(site, count);
    return count <= times;
  };
}

const refuse = (code: number, more: object = {}): Fault => ({ kind: 'refuse', code, ...more });

const faults: readonly (readonly [string, Fault])[] = [
  ['refuses with 409', refuse(409)],
  ['refuses with 422', refuse(422)],
  ['refuses with 403', refuse(403)],
  ['is busy with 429', refuse(429, { retryAfterSeconds: 5 })],
  ['fails with 500', refuse(500)],
  ['answers with no JSON', { kind: 'garble', body: '<html>' }],
  ['breaks the connection', { kind: 'reset' }],
  ['does not answer', { kind: 'hang' }],
  ['does what it is asked and does not say so', { kind: 'lose-answer' }],
];

describe('an API server that', () => {
  test.each(faults)('%s, at each call twice, changes nothing in the end', async (_, fault) => {
    const undisturbed = await usual();
    const rig = await pool.open();
    const sites = new Map<string, number>();
    const { end } = await tell(rig, {
      first: ({ api }) => void api.faults.add({ match: firstOfEach(2, sites), fault }),
      last: async ({ clock }) => {
        // Each call that hangs takes half a minute, and one waits for the other.
        const minutes = fault.kind === 'hang' ? 20 : 2;
        for (let minute = 0; minute < minutes; minute += 1) await clock.sleep(60_000);
      },
    });
    expect(sites.size).toBeGreaterThan(12);
    expect(end).toEqual(undisturbed.end);
    expect(reportFaults(rig.writes())).toEqual([]);
    expect(trafficFaults(rig.pods.everyEnvoy(), { guarded, lasting: ['shop/menu'] })).toEqual([]);
  });

  test('is gone for ten minutes, and misses nothing', async () => {
    const undisturbed = await usual();
    const rig = await pool.open();
    const { end } = await tell(rig, {
      opened: async ({ api, clock }) => {
        await api.goDown();
        await clock.sleep(60_000);
        for (let minute = 1; minute < 10; minute += 1) await clock.sleep(60_000);
        await api.comeBack();
        await rig.quiet(100_000);
      },
    });
    expect(end).toEqual(undisturbed.end);
  });
});

async function opened(match: (request: ApiRequest) => boolean, fault: Fault) {
  const rig = await pool.open();
  const struck = rig.api.faults.add({ match, fault });
  createAll(rig.api, shop());
  rig.start({ readSecrets: true });
  await rig.quiet();
  return { rig, struck, condition: (type: string) => conditionOf(edge(rig), type) };
}

function edge({ api }: OperatorRig) {
  return api.get(resources.ApiGateway, 'shop', 'edge');
}

/** `configmaps edge-edge-config-0` */
const applied = (what: string) => (request: ApiRequest) =>
  request.verb === 'patch' && `${request.resource} ${request.name}`.startsWith(what);

describe('an object that is refused for long', () => {
  const quota = 'exceeded quota: pods, requested: 2, used: 9, limited: 10';
  test.each([
    ['deployments', refuse(403, { message: quota }), quota, 'larger quota'],
    [
      'services',
      refuse(422, { message: 'spec.ports[0].nodePort: provided port is already allocated' }),
      'already allocated',
      'Correct spec.workload or spec.service',
    ],
    ['networkpolicies', refuse(500, { message: 'etcd is full' }), 'etcd is full', 'tried again'],
    [
      'configmaps',
      refuse(403, { message: 'no rights to configmaps' }),
      'no rights to configmaps',
      'Give the operator the rights',
    ],
    ['configmaps edge-edge-config-0', refuse(403, { message: quota }), quota, 'larger quota'],
  ])(
    '%s: a condition says why and what to do, tries are few, and it recovers',
    async (resource, fault, why, remedy) => {
      const { rig, struck, condition } = await opened(applied(resource), fault);
      expect(condition('Programmed')).toBe('False NotApplied');
      expect(condition('Ready')).toBe('False NotApplied');
      const text = JSON.stringify(edge(rig));
      expect(text).toContain(why);
      expect(text).toContain(remedy);
      const [before, writes] = [struck.hits, rig.writes().length];
      for (let minute = 0; minute < 10; minute += 1) await rig.clock.sleep(60_000);
      expect(struck.hits - before).toBeLessThan(40);
      expect(struck.hits - before).toBeGreaterThan(5);
      // Nothing is told again and again.
      expect(rig.writes().length - writes).toBe(0);
      struck.release();
      await rig.quiet(100_000);
      expect(condition('Ready')).toBe('True Ready');
      expect(conditionOf(rig.api.get(resources.Route, 'shop', 'menu'), 'Ready')).toBe('True Ready');
    },
  );

  test('statuses: each is written when it can be, and once', async () => {
    const { rig, struck } = await opened(
      ({ verb, subresource }) => writing.includes(verb) && subresource === 'status',
      refuse(403),
    );
    expect(rig.writes().filter(({ subresource }) => subresource === 'status')).toEqual([]);
    rig.api.put(pathRoute('bare', { timeouts: { request: '3s' } }));
    await rig.quiet();
    struck.release();
    await rig.quiet(100_000);
    const names = rig
      .writes()
      .flatMap(({ subresource, kind, name }) => (subresource === 'status' ? [`${kind} ${name}`] : []));
    expect(names).toHaveLength(new Set(names).size);
    expect(names).toHaveLength(10);
    expect(endOf(rig)).toHaveProperty(['ApiGateway shop/edge', 'status', 'observedGeneration'], 'current');
  });
});
