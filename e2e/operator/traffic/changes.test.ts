/** Two hundred changes of Routes and policies under constant traffic: every answer is one of before or of after. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { KubeObject } from '../../../src/kube/object.ts';
import { testCertificate } from '../../../src/testing/rig-certificates.ts';
import type { Answer } from '../lib/clients.ts';
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
const changes = 200;
const hostOf = (name: string) => `${name}.shop.example.com`;
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

/** Makes its `turn`th change, to its own Route alone. */
type Actor = (turn: number, random: Random) => Promise<void>;

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
  async backend(turn) {
    const name = backendNames[turn % 3] ?? 'a';
    await change('backend', [`200 ${name}`], route('backend', hostOf('backend'), [rule('/', name)]));
  },
  async weight(turn, random) {
    const weights: number[] = backendNames.map(() => random.below(3) * 10);
    if (weights.every((weight) => weight === 0)) weights[turn % backendNames.length] = 1;
    const backendRefs = backendNames.map((name, index) => ({ name, port: 80, weight: weights[index] }));
    const answers = backendNames.filter((_, index) => (weights[index] ?? 0) > 0).map((name) => `200 ${name}`);
    await change('weight', answers, route('weight', hostOf('weight'), [{ backendRefs }]));
  },
  async headers(turn) {
    const set = [{ name: 'x-step', value: String(turn) }];
    const edited = rule('/', 'a', { requestHeaders: { set } });
    await change('headers', [`200 a ${turn}`], route('headers', hostOf('headers'), [edited]));
  },
  async neighbour(turn) {
    const neighbour = route('neighbour', hostOf('beside'), [rule('/neighbour', 'b')]);
    if (turn % 2 === 0) return change('neighbour', ['200 b'], neighbour);
    traffic.allow('neighbour', '404');
    await world.remove('Route', 'neighbour');
    await traffic.seen('neighbour', '404');
  },
  async insert(turn, random) {
    const before = Array.from({ length: turn % 5 }, (_, index) =>
      rule(`/${random.below(100)}/${index}`, random.pick(backendNames)),
    );
    const rules = [...before, rule('/stable', 'a')];
    await change('insert', ['200 a'], route('insert', hostOf('insert'), rules));
  },
  async service(turn) {
    const [name, app] = [`new-${turn}`, backendNames[turn % 3] ?? 'a'];
    await change('service', [`200 ${app}`], service(name, app), route('service', hostOf('service'), [rule('/', name)]));
    await world.remove('Service', `new-${turn - 1}`);
  },
  async policy(_turn, random) {
    const { answer, spec } = random.pick(policies);
    await change('policy', [answer], authPolicy('policy', 'policy', spec));
  },
  async limit(turn) {
    if (turn % 2 === 1) return void (await world.remove('RateLimitPolicy', 'limit'));
    const limits = [{ name: 'many', requests: 1_000_000, per: 'Minute' }];
    await change('limit', ['200 a'], rateLimitPolicy('limit', 'limit', limits));
  },
};

const routeNames = ['backend', 'weight', 'headers', 'insert', 'service', 'policy', 'limit', 'beside', 'untouched'];
const pathOf = (name: string) => ({ insert: '/stable', beside: '/other', neighbour: '/neighbour' })[name] ?? '/';
const target = (name: string, expected: string, more: Partial<Target> = {}): Target => ({
  name,
  host: hostOf(name),
  path: pathOf(name),
  expected: [expected],
  ...more,
});

suite('changes under traffic', () => {
  beforeAll(async () => {
    world = await openWorld('e2e-changes');
    await startOperator(world, { class: world.namespace, where: 'pod' });
    await backends(world, ...backendNames);
    await world.apply(
      tlsSecret('shop-tls', testCertificate('*.shop.example.com')),
      gateway('edge', { className: world.namespace, certificates: ['shop-tls'] }),
      ...routeNames.map((name) => route(name, hostOf(name), [rule(pathOf(name), 'a')])),
      route('neighbour', hostOf('beside'), [rule('/neighbour', 'b')]),
      ...[...routeNames, 'neighbour'].map((name) => authPolicy(name, name)),
    );
    for (const name of routeNames) await world.ready('Route', name);
    await world.ready('ApiGateway', 'edge');
  });
  afterAll(async () => {
    await traffic?.stop();
    await world?.end();
  });

  test(`${changes} changes: no answer is out of place`, async () => {
    const seed = chooseSeed();
    traffic = startTraffic({
      at: { http: await addressOf(world, 'edge', 80), https: await addressOf(world, 'edge', 443) },
      targets: [
        ...['backend', 'weight', 'insert', 'service', 'policy', 'limit', 'beside', 'untouched'].map((name) =>
          target(name, '200 a'),
        ),
        target('headers', '200 a ', { show: withStep }),
        target('neighbour', '200 b', { host: hostOf('beside') }),
      ],
    });
    const all = Object.entries(actors);
    await Promise.all(
      all.map(async ([name, act], index) => {
        const random = seeded(seed + index);
        for (let turn = 1; turn <= changes / all.length; turn += 1) {
          traffic.doing = `${name} ${turn}, seed ${seed}`;
          await act(turn, random);
        }
      }),
    );
    await traffic.stop();
    report(`${changes} changes, seed ${seed}`, traffic);
    expect(traffic.failures).toEqual([]);
    expect(traffic.rate()).toBeGreaterThan(50);
  }, 180_000);
});
