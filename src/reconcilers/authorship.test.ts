import { expect, test } from '@jest/globals';
import type { KubeObject } from '../kube/object.ts';
import { resolver } from '../resolve/resolve.ts';
import {
  authPolicy,
  gateway,
  gatewayTarget,
  object,
  rateLimitPolicy,
  route,
  routeTarget,
  service,
  serviceTarget,
  snapshotOf,
} from '../testing/build.ts';
import { statuses } from './statuses.ts';
import { statusWorld } from './world.ts';

/** Objects that the operator of a class reports on. */
function reportedBy(className: string, objects: readonly KubeObject[]): readonly string[] {
  const snapshot = snapshotOf(objects);
  const resolution = resolver(className)(snapshot);
  const world = statusWorld(resolution, resolution.findings);
  return statuses(snapshot, world).map(({ ref }) => `${ref.kind} ${ref.name}`);
}

const theirs = gateway({ className: 'theirs' }, { name: 'theirs' });
const parents = (...names: readonly string[]) => ({ parentRefs: names.map((name) => ({ name })) });

test.each<[string, readonly KubeObject[], string]>([
  ['its own ApiGateway', [gateway()], 'ours'],
  ['an ApiGateway of another class', [theirs], 'theirs'],
  [
    'one that cannot be read, and says its class',
    [object('ApiGateway', 'theirs', { spec: { className: 'theirs', listeners: 'many' } })],
    'theirs',
  ],
  ['one that cannot be read, and does not', [object('ApiGateway', 'edge', { spec: { listeners: 'many' } })], 'ours'],
])('%s', (_, objects, author) => {
  expect(reportedBy('evengate', objects)).toHaveLength(author === 'ours' ? 1 : 0);
  expect(reportedBy('theirs', objects)).toHaveLength(author === 'theirs' ? 1 : 0);
});

const toMissing = { targetRefs: [routeTarget('missing')] };
const cases: readonly (readonly [string, readonly KubeObject[], string])[] = [
  ['a Route whose first parent is ours', [route(parents('edge', 'theirs'))], 'evengate'],
  ['a Route whose first parent is theirs', [route(parents('theirs', 'edge'))], 'theirs'],
  ['a Route whose first parent does not exist', [route(parents('missing', 'theirs'))], 'theirs'],
  ['a Route without any that exists', [route(parents('missing'))], 'evengate'],
  ['a policy on their ApiGateway', [authPolicy({ targetRefs: [gatewayTarget('theirs')] })], 'theirs'],
  ['a policy on nothing', [rateLimitPolicy(toMissing)], 'evengate'],
  [
    'limits on nothing and on theirs',
    [rateLimitPolicy({ targetRefs: [routeTarget('missing'), gatewayTarget('theirs')] })],
    'theirs',
  ],
];

test.each(cases)('%s has one author', (_, [subject], author) => {
  const world = [gateway(), theirs, service(), subject as KubeObject];
  const id = `${subject?.kind} ${subject?.metadata.name}`;
  const authors = ['evengate', 'theirs', 'nobody'].filter((name) => reportedBy(name, world).includes(id));
  expect(authors).toEqual([author]);
});

test('a policy has the author of the Route that it targets', () => {
  const world = [gateway(), theirs, service(), route(parents('theirs')), authPolicy()];
  expect(reportedBy('theirs', world)).toEqual(['ApiGateway theirs', 'AuthPolicy orders', 'Route orders']);
  expect(reportedBy('evengate', world)).toEqual(['ApiGateway edge']);
});

test('a policy on a Service has the author of the first Route that sends there', () => {
  const world = [gateway(), theirs, service(), route(parents('theirs')), authPolicy({ targetRefs: [serviceTarget()] })];
  expect(reportedBy('theirs', world)).toEqual(['ApiGateway theirs', 'AuthPolicy orders', 'Route orders']);
  expect(reportedBy('evengate', world)).toEqual(['ApiGateway edge']);
  const unused = [gateway(), theirs, service(), authPolicy({ targetRefs: [serviceTarget()] })];
  expect(reportedBy('evengate', unused)).toEqual(['ApiGateway edge', 'AuthPolicy orders']);
});

test('what belongs to another class is no mistake, and no entry in parents', () => {
  const snapshot = snapshotOf([gateway(), theirs, service(), authPolicy(), route(parents('edge', 'theirs'))]);
  const resolution = resolver('evengate')(snapshot);
  const found = statuses(snapshot, statusWorld(resolution, resolution.findings)).find(
    ({ ref }) => ref.kind === 'Route',
  );
  expect(found?.status).toMatchObject({ gateways: 'shop/edge', parents: [{ parentRef: { name: 'edge' } }] });
  expect(resolution.findings).toEqual([]);
});
