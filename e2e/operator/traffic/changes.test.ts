/** Two hundred changes of Routes and policies under constant traffic: every answer is one of before or of after. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { KubeObject } from '../../../src/kube/object.ts';
import { testCertificate } from '../../../src/testing/rig-certificates.ts';
import type { Answer } from '../lib/clients.ts';
import { settled } from '../lib/fleet.ts';
import { startOperator } from '../lib/operator.ts';
import { chooseSeed, type Random, seeded } from '../lib/random.ts';
import { report } from '../lib/report.ts';
import {
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
import { shortly, startTraffic, type Target, type Traffic } from '../lib/traffic.ts';
import { openWorld, type World } from '../lib/world.ts';

const suite = await clusterSuite();
const changes = 208;
const backendNames = ['a', 'b', 'c'] as const;

let world: World;
let traffic: Traffic;

/** Applies `objects` and waits until they are served; meanwhile old and new answers are right, and then only the new. */
async function change(target: string, answers: readonly string[], ...objects: readonly KubeObject[]): Promise<void> {
  traffic.allow(target, ...answers);
  await world.apply(...objects);
  for (const { kind, metadata } of objects) if (kind !== 'Service') await world.ready(kind, metadata.name);
  traffic.expect(target, ...answers);
}

interface Turn {
  /** Of the Route that it changes, and of the target. */
  readonly name: string;
  readonly turn: number;
  readonly random: Random;
}

type Actor = (turn: Turn) => Promise<void>;

const withStep = (answer: Answer) => {
  const [, step = ''] = /"x-step":"([^"]*)"/.exec(answer.body) ?? [];
  return `${shortly(answer)} ${step}`;
};

const keys = {
  inline:
    '{"keys":[{"kty":"EC","kid":"a","alg":"ES256","crv":"P-256","x":"ijRqLoo4B_dilODVy8qLz8MQOeq3ree8Qa1a7QsA6NA","y":"b3H4viKHxkZVmNYNkpCsYp3-dWqOY2kF-KcSRkherrQ"}]}',
};
const policies: readonly { readonly answer: string; readonly spec: object }[] = [
  { answer: '200 a', spec: { authorize: { allow: [{ name: 'anyone' }] } } },
  {
    answer: '401',
    spec: { authenticate: { jwt: [{ name: 'login', issuer: 'https://login.example.com', jwks: keys }] } },
  },
  { answer: '403', spec: { authorize: { allow: [{ name: 'writers', to: [{ methods: ['PUT'] }] }] } } },
];

const actors: Readonly<Record<string, Actor>> = {
  async backend({ name, turn }) {
    const to = backendNames[turn % 3] ?? 'a';
    await change(name, [`200 ${to}`], route(name, hostOf(name), [rule('/', to)]));
  },
  async weight({ name, turn, random }) {
    const weights = backendNames.map(() => random.below(3) * 10);
    if (!weights.some((weight) => weight > 0)) weights[turn % backendNames.length] = 1;
    const backendRefs = backendNames.map((one, index) => ({ name: one, port: 80, weight: weights[index] }));
    const answers = backendNames.filter((_, index) => (weights[index] ?? 0) > 0).map((one) => `200 ${one}`);
    await change(name, answers, route(name, hostOf(name), [{ backendRefs }]));
  },
  async headers({ name, turn }) {
    const set = [{ name: 'x-step', value: String(turn) }];
    const edited = rule('/', 'a', { requestHeaders: { set } });
    await change(name, [`200 a ${turn}`], route(name, hostOf(name), [edited]));
  },
  async neighbour({ name, turn }) {
    if (turn % 2 === 0) return change(name, ['200 b'], neighbour(name));
    traffic.allow(name, '404');
    await world.remove('Route', name);
    await traffic.seen(name, '404');
  },
  async insert({ name, turn, random }) {
    const before = Array.from({ length: turn % 5 }, (_, index) =>
      rule(`/${random.below(100)}/${index}`, random.pick(backendNames)),
    );
    await change(name, ['200 a'], route(name, hostOf(name), [...before, rule('/stable', 'a')]));
  },
  async service({ name, turn }) {
    const [to, app] = [`${name}-${turn}`, backendNames[turn % 3] ?? 'a'];
    await change(name, [`200 ${app}`], service(to, app), route(name, hostOf(name), [rule('/', to)]));
    await world.remove('Service', `${name}-${turn - 1}`);
  },
  async policy({ name, random }) {
    const { answer, spec } = random.pick(policies);
    await change(name, [answer], authPolicy(name, name, spec));
  },
  async limit({ name, turn }) {
    if (turn % 2 === 1) return void (await world.remove('RateLimitPolicy', name));
    const limits = [{ name: 'many', requests: 1_000_000, per: 'Minute' }];
    await change(name, ['200 a'], rateLimitPolicy(name, name, limits));
  },
};

/** Two of each, so that changes of all kinds meet in one publication. */
const cast = Object.entries(actors).flatMap(([kind, act]) =>
  [1, 2].map((number) => ({ name: `${kind}-${number}`, kind, act })),
);
const hostOf = (name: string) => `${name.replace('neighbour', 'untouched')}.shop.example.com`;
const paths: Readonly<Record<string, string>> = { insert: '/stable', untouched: '/other', neighbour: '/neighbour' };
const pathOf = (name: string) => paths[name.replace(/-.*/, '')] ?? '/';
const neighbour = (name: string) => route(name, hostOf(name), [rule('/neighbour', 'b')]);

const untouched = ['untouched-1', 'untouched-2'];
const routes: readonly KubeObject[] = [...cast.map(({ name }) => name), ...untouched].map((name) =>
  name.startsWith('neighbour') ? neighbour(name) : route(name, hostOf(name), [rule(pathOf(name), 'a')]),
);
const targets = routes.map(
  ({ metadata: { name } }): Target => ({
    name,
    host: hostOf(name),
    path: pathOf(name),
    expected: [name.startsWith('neighbour') ? '200 b' : '200 a'],
    ...(name.startsWith('headers') && { expected: ['200 a '], show: withStep }),
  }),
);

suite('changes under traffic', () => {
  beforeAll(async () => {
    world = await openWorld('e2e-changes');
    await startOperator(world, { class: world.namespace, where: 'pod' });
    await backends(world, ...backendNames);
    await world.apply(
      tlsSecret('shop-tls', testCertificate('*.shop.example.com')),
      gateway('edge', { className: world.namespace, certificates: ['shop-tls'] }),
      ...routes,
      ...routes.map(({ metadata: { name } }) => authPolicy(name, name)),
    );
    for (const { metadata } of routes) await world.ready('Route', metadata.name);
    await world.ready('ApiGateway', 'edge');
    // An Envoy that begins while its configuration changes has the old one for a moment.
    await settled(world, 2);
  });
  afterAll(async () => {
    await traffic?.stop();
    await world?.end();
  });

  test(`${changes} changes: no answer is out of place`, async () => {
    const seed = chooseSeed();
    traffic = startTraffic({
      at: { http: await addressOf(world, 'edge', 80), https: await addressOf(world, 'edge', 443) },
      targets,
      pauseMs: 10,
    });
    await Promise.all(
      cast.map(async ({ name, act }, index) => {
        const random = seeded(seed + index);
        for (let turn = 1; turn <= changes / cast.length; turn += 1) {
          traffic.doing = `${name} ${turn}, seed ${seed}`;
          await act({ name, turn, random });
        }
      }),
    );
    await traffic.stop();
    report(`${changes} changes, seed ${seed}`, traffic);
    expect(traffic.failures).toEqual([]);
    expect(traffic.rate()).toBeGreaterThan(50);
  }, 180_000);
});
