/** The same objects in every order: the same end, and a guarded path that is never open in between. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Service } from '../../../src/kube/core.ts';
import type { KubeObject } from '../../../src/kube/object.ts';
import { ports } from '../../../src/render/envoy-process.ts';
import { testCertificate } from '../../../src/testing/rig-certificates.ts';
import { type SigningKey, signingKey } from '../../../src/testing/rig-tokens.ts';
import { type Client, http1 } from '../lib/clients.ts';
import { dump } from '../lib/dump.ts';
import { envoys } from '../lib/fleet.ts';
import { startOperator } from '../lib/operator.ts';
import { chooseSeed, type Random, seeded } from '../lib/random.ts';
import { say } from '../lib/report.ts';
import {
  type Address,
  addressAtOnce,
  addressOf,
  authPolicy,
  backends,
  gateway,
  rateLimitPolicy,
  route,
  rule,
  service,
  tlsSecret,
} from '../lib/shop.ts';
import { clusterSuite } from '../lib/suite.ts';
import { until } from '../lib/until.ts';
import { openWorld, type World } from '../lib/world.ts';

const suite = await clusterSuite();
const shuffles = 12;
const guarded = { host: 'api.shop.example.com', path: '/orders' };
const open = { host: 'www.shop.example.com', path: '/' };
const certificate = testCertificate('*.shop.example.com');

let world: World;
let key: SigningKey;
/** Of the Service, which keeps it when it is made anew: resolvers remember addresses for longer than a turn takes. */
let clusterIP: string | undefined;

/** A Route in the other namespace may attach only while that has the label. */
const team = () => `${world.namespace}-team`;
const label = (labels: Readonly<Record<string, string>>, name = team()): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, labels },
});

function objects(): Readonly<Record<string, KubeObject>> {
  const jwt = { name: 'login', issuer: 'https://login.example.com', jwks: { configMapRef: { name: 'login-keys' } } };
  const elsewhere = <T extends KubeObject>(object: T) => ({
    ...object,
    metadata: { ...object.metadata, namespace: team() },
  });
  const parentRefs = [{ name: 'edge', namespace: world.namespace }];
  const orders = service('orders', 'a');
  const far = route('far', 'far.shop.example.com', [rule('/', 'orders')]);
  const selector = { from: 'Selector', selector: { matchLabels: { edge: 'allowed' } } };
  const allowedRoutes = { namespaces: selector };
  const listeners = [
    { name: 'web', port: 80, protocol: 'HTTP', allowedRoutes },
    { name: 'https', port: 443, protocol: 'HTTPS', allowedRoutes, tls: { certificateRefs: [{ name: 'shop-tls' }] } },
  ];
  return {
    gateway: gateway('edge', { className: world.namespace, replicas: 1, drain: '1s', spec: { listeners } }),
    secret: tlsSecret('shop-tls', certificate),
    keys: {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'login-keys' },
      data: { 'jwks.json': key.jwks },
    } as KubeObject,
    service: { ...orders, spec: { ...(orders.spec as object), ...(clusterIP !== undefined && { clusterIP }) } },
    route: route('orders', guarded.host, [
      rule('/orders', 'orders', { name: 'read' }),
      rule('/', 'a', { name: 'rest' }),
    ]),
    token: authPolicy('token', 'orders', { authenticate: { jwt: [jwt] } }),
    readers: authPolicy(
      'readers',
      { kind: 'Route', name: 'orders', sectionName: 'read' },
      {
        authorize: { allow: [{ name: 'readers', when: [{ claim: 'scope', values: ['read'] }] }] },
      },
    ),
    limit: rateLimitPolicy('limit', 'orders', [{ name: 'many', requests: 1_000_000, per: 'Minute' }]),
    open: route('open', open.host, [rule('/', 'a')]),
    everybody: authPolicy('open', 'open'),
    label: label({ edge: 'allowed' }),
    far: elsewhere({ ...far, spec: { ...(far.spec as object), parentRefs } }),
    farPolicy: elsewhere(authPolicy('far', 'far', { authenticate: { jwt: [{ ...jwt, jwks: { inline: key.jwks } }] } })),
  };
}

const named: readonly (readonly string[])[] = [
  ['gateway', 'route'],
  ['route', 'gateway'],
  ['secret'],
  ['token', 'readers', 'keys'],
  ['label'],
  ['service'],
];

/** Any order, in which those of one entry of `named` come first or last. */
function order(turn: number, random: Random): readonly string[] {
  const some = named[turn % named.length] ?? [];
  const rest = random.shuffled(Object.keys(objects()).filter((name) => !some.includes(name)));
  return turn < named.length && turn > 1
    ? [...rest, ...some]
    : turn <= 1
      ? [...some, ...rest]
      : random.shuffled([...some, ...rest]);
}

/** Asks without a token, from before there is anybody to ask. */
class Poller {
  readonly answers = new Map<string, number>();
  #going = true;
  readonly #done: Promise<unknown>;
  readonly #begun = performance.now();
  asked = 0;

  constructor() {
    const found = (port: number) => until(`port ${port}`, async () => !this.#going || (await this.#address(port)));
    this.#done = Promise.all(
      [80, 443].flatMap((port) =>
        [0, 1].map(async () => {
          const at = await found(port);
          if (typeof at === 'object') await this.#poll(http1(at, { tls: port === 443, fresh: false, patienceMs: 300 }));
        }),
      ),
    );
  }

  async #address(port: number): Promise<Address | undefined> {
    return (await world.get('Service', 'edge-edge')) === undefined ? undefined : addressAtOnce(world, 'edge', port);
  }

  async #poll(client: Client): Promise<void> {
    while (this.#going) {
      for (const what of [guarded, { host: 'far.shop.example.com', path: '/' }]) {
        const got = await client.ask(what).then(
          ({ status }) => String(status),
          (error: NodeJS.ErrnoException) => error.code ?? error.message,
        );
        this.answers.set(got, (this.answers.get(got) ?? 0) + 1);
        this.asked += 1;
      }
      await sleep(4);
    }
    client.close();
  }

  async stop(): Promise<number> {
    this.#going = false;
    await this.#done;
    return this.asked / ((performance.now() - this.#begun) / 1000);
  }
}

async function clear(): Promise<void> {
  const all = Object.values(objects()).filter(({ kind }) => kind !== 'Namespace');
  for (const { kind, metadata } of all) await world.remove(kind, metadata.name, metadata.namespace);
  await world.apply(label({}));
  await until('nothing is left', async () => {
    for (const { metadata } of await envoys(world)) await world.kill(metadata.name);
    return (await world.list('Deployment', 'app.kubernetes.io/managed-by=evengate')).length === 0;
  });
}

/** What each Envoy says of its listeners and certificates: with one that is not loaded it ends every connection. */
async function certificates(): Promise<object> {
  const names = '^(sds|listener_manager[.]total|server[.]uptime|listener[.].*(certificate|not_ready|by_sds|cx_total))';
  const query = new URLSearchParams({ filter: names }).toString();
  const told = (await envoys(world)).map(async ({ metadata: { name, namespace } }) => {
    const path = `/api/v1/namespaces/${namespace}/pods/${name}:${ports.operations}/proxy/stats?${query}`;
    return [name, (await world.client.text({ path }).catch(String)).split('\n')] as const;
  });
  return Object.fromEntries(await Promise.all(told));
}

let polling: Poller | undefined;

suite('objects in any order', () => {
  beforeAll(async () => {
    world = await openWorld('e2e-orders');
    world.onEnd(() => world.remove('Namespace', team()));
    key = await signingKey('a');
    await world.apply(label({}), label({ edge: 'allowed' }, world.namespace));
    const watchNamespaces = [world.namespace, team()];
    await startOperator(world, { class: world.namespace, where: 'outside', watchNamespaces });
    await backends(world, 'a');
    await world.apply({ ...service('orders', 'a'), metadata: { name: 'orders', namespace: team() } });
  });
  afterAll(async () => {
    await polling?.stop();
    await world?.end();
  });

  test(`${shuffles} orders: the same end, and never open in between`, async () => {
    const seed = chooseSeed();
    const random = seeded(seed);
    const token = (await key.sign({ scope: 'read' })).text;
    let first: unknown;
    for (let turn = 0; turn < shuffles; turn += 1) {
      const names = order(turn, random);
      const what = `order ${turn}, seed ${seed}: ${names.join(', ')}`;
      const poller = new Poller();
      polling = poller;
      for (const name of names) {
        await world.apply(objects()[name] as KubeObject);
        await sleep(random.below(60));
      }
      for (const name of ['orders', 'open']) await world.ready('Route', name);
      await world.ready('ApiGateway', 'edge');
      const ready = performance.now();
      const conditions = (await world.get('ApiGateway', 'edge'))?.status?.conditions;
      const https = http1(await addressOf(world, 'edge', 443), { tls: true, fresh: false });
      const ask = (where: object) =>
        https.ask({ ...guarded, ...where }).then(
          ({ status, body }) => (status < 500 ? status : `${status} ${body}`),
          ({ message }: Error) => message,
        );
      await until(`${what} serves`, async () => (await ask(open)) === 200, {
        seen: async () => ({ answer: await ask(open), envoys: await certificates() }),
      });
      const late = Math.round(performance.now() - ready);
      // Ready is not yet reachable: kube-proxy comes after, and is given its time; Envoy is not.
      if (late > 1000)
        say(`${what}: served ${late} ms after Ready: ${JSON.stringify(conditions?.map(({ message }) => message))}`);
      const authorized = { headers: { authorization: `Bearer ${token}` } };
      const admitted: (string | number)[] = [];
      await until(
        `${what}: 200 with a token`,
        async () => {
          admitted.push(await ask(authorized));
          return admitted.at(-1) === 200;
        },
        { seen: () => [...new Set(admitted)] },
      );
      if (admitted.length > 1)
        say(`${what}: Ready, and first ${admitted.length - 1} times ${[...new Set(admitted)].join('; ')}`);
      expect([what, await ask({})]).toEqual([what, 401]);
      https.close();
      const rate = await poller.stop();
      say(`${what}: ${rate.toFixed(0)}/s ${JSON.stringify(Object.fromEntries(poller.answers))}`);
      expect([what, poller.answers.get('200') ?? 0]).toEqual([what, 0]);
      clusterIP ??= (await world.get<Service>('Service', 'orders'))?.spec?.clusterIP;
      const end = await dump(world);
      first ??= end;
      expect(end).toEqual(first);
      await clear();
    }
  }, 240_000);
});
