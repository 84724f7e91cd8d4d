/** The operator ends and begins again while the server of its keys is away: nobody behind the edge or in the mesh notices. */
import { afterEach, describe, expect, test } from '@jest/globals';
import type { ConfigMap } from '../../../kube/core.ts';
import type { KubeObject } from '../../../kube/object.ts';
import { resources } from '../../../kube/resources.ts';
import { FetchProblem } from '../../../runtime/fetch-text.ts';
import { elect } from '../../../runtime/leader.ts';
import { authPolicy, corpJwks, gateway, jwt, routeTarget } from '../../../testing/build.ts';
import type { KubeApi } from '../../../testing/kube-api/index.ts';
import type { ApiRequest } from '../../../testing/kube-api/request.ts';
import { meshedShop } from '../../../testing/operator/meshed-shop.ts';
import { endOf } from '../../../testing/operator/oracles.ts';
import {
  type OperatorRig,
  type OperatorSettings,
  type RigOptions,
  type RunningOperator,
  rigPool,
} from '../../../testing/operator/rig.ts';
import { createAll } from '../../../testing/operator/shop.ts';

const pool = rigPool();
afterEach(pool.stop);

const home = 'evengate-system';
const uri = 'https://login.example.com/jwks';
const other = 'https://other.example.com/jwks';
const kid = (name: string) => corpJwks.replace(/"kid": ?"[^"]*"/, `"kid":"${name}"`);

function policy(...uris: readonly string[]): KubeObject {
  const issuers = uris.map((from, index) =>
    jwt({ name: `issuer-${index}`, issuer: `https://issuer-${index}.example.com`, jwks: { uri: from } }),
  );
  return authPolicy({ targetRefs: [routeTarget()], authenticate: { jwt: issuers }, authorize: undefined });
}

/** What answers to URIs; away where it is undefined. */
type Servers = Record<string, string | undefined>;

interface Shop {
  readonly rig: OperatorRig;
  readonly servers: Servers;
  readonly start: (more?: Partial<OperatorSettings>) => RunningOperator;
}

function shopOf(rig: OperatorRig, servers: Servers = { [uri]: kid('first') }): Shop {
  const fetch = (from: string) => {
    const text = servers[from];
    return text === undefined ? Promise.reject(new FetchProblem('it answers 500')) : Promise.resolve(text);
  };
  return { rig, servers, start: (more) => rig.start({ ownNamespace: home, fetching: { fetch }, ...more }) };
}

/** In a mesh, with keys by URI, and at work. */
async function opened(options: RigOptions = {}, more: Partial<OperatorSettings> = {}): Promise<Shop> {
  const shop = shopOf(await pool.open(options));
  const others = meshedShop().filter(({ kind, metadata }) => kind !== 'AuthPolicy' || metadata.name !== 'orders');
  createAll(shop.rig.api, [...others, policy(uri)]);
  shop.start(more);
  await shop.rig.quiet();
  return shop;
}

/** It is killed, and another one begins; returns the keys that this one told anybody of. */
async function restarted({ rig, start }: Shop, more: Partial<OperatorSettings> = {}): Promise<ReadonlySet<string>> {
  await rig.kill();
  const mark = rig.writes().length;
  start(more);
  await rig.quiet(30_000);
  const writes = rig.writes().slice(mark).filter(isPublished);
  return new Set(writes.map(({ after }) => keysIn(after)));
}

const isPublished = ({ kind, name }: { readonly kind: string; readonly name: string }) =>
  kind === 'RequestAuthentication' || (kind === 'ConfigMap' && name.endsWith('-config-0'));

/** Names of keys, wherever they are. */
function keysIn(what: unknown): string {
  return [...new Set([...JSON.stringify(what ?? '').matchAll(/kid[\\": ]+(\w+)/g)].map(([, name]) => name))].join();
}

/** What the edge verifies by, and what the mesh does. */
function served({ api }: OperatorRig): readonly string[] {
  const edge = api.list<ConfigMap>(resources.ConfigMap).filter(isPublishedObject);
  return [edge, api.list(resources.RequestAuthentication)].map(keysIn);
}

const isPublishedObject = ({ metadata: { name } }: KubeObject) => isPublished({ kind: 'ConfigMap', name });

function stored({ api }: { readonly api: KubeApi }): ConfigMap | undefined {
  return api.get<ConfigMap>(resources.ConfigMap, home, 'evengate-keys-evengate');
}

const kept = (rig: OperatorRig) => Object.values(stored(rig)?.data ?? {}).map((text) => (JSON.parse(text) as Kept).uri);
interface Kept {
  readonly uri: string;
}

const isOfKeys = ({ resource, name }: Pick<ApiRequest, 'resource' | 'name'>) =>
  resource === 'configmaps' && name === 'evengate-keys-evengate';
const asked = ({ api }: OperatorRig) => api.requests.filter(isOfKeys).map(({ verb }) => verb);
const warnings = ({ log }: OperatorRig) =>
  log.map((line) => JSON.parse(line) as Readonly<Record<string, string>>).filter(({ level }) => level === 'warn');

describe('an operator that begins while the server of keys is away', () => {
  test('serves the same as before, at every moment', async () => {
    const shop = await opened();
    expect(served(shop.rig)).toEqual(['first', 'first']);
    const before = endOf(shop.rig);
    shop.servers[uri] = undefined;
    expect(await restarted(shop)).toEqual(new Set());
    expect(endOf(shop.rig)).toEqual(before);
    expect(shop.rig.log.join()).toContain('keys of before a restart are used');
  });

  test('would shut what needs the keys, had nobody kept them', async () => {
    const shop = await opened();
    shop.servers[uri] = undefined;
    await shop.rig.kill();
    shop.rig.api.delete(stored(shop.rig) as ConfigMap);
    await restarted(shop);
    expect(served(shop.rig)).toEqual(['', '']);
  });

  test('takes the new keys when it is back, and keeps those', async () => {
    const shop = await opened();
    shop.servers[uri] = undefined;
    await restarted(shop);
    shop.servers[uri] = kid('second');
    await shop.rig.quiet(60_000);
    expect(served(shop.rig)).toEqual(['second', 'second']);
    shop.servers[uri] = undefined;
    expect(await restarted(shop)).toEqual(new Set());
  });

  test('never serves the old ones again where the new ones answer', async () => {
    const shop = await opened();
    shop.servers[uri] = kid('second');
    expect(await restarted(shop)).not.toContain('first');
    expect(served(shop.rig)).toEqual(['second', 'second']);
  });

  test('waits for an API server that fails to tell', async () => {
    const shop = await opened();
    shop.servers[uri] = undefined;
    shop.rig.api.faults.add({ match: isOfKeys, times: 3, fault: { kind: 'refuse', code: 500 } });
    expect(await restarted(shop)).toEqual(new Set());
    expect(served(shop.rig)).toEqual(['first', 'first']);
  });

  test('without the right to read them says so, and serves the rest; and has them when it is granted', async () => {
    let may = true;
    const shop = await opened({ authorize: (attributes) => may || !isOfKeys(attributes) });
    may = false;
    shop.servers[uri] = undefined;
    await restarted(shop);
    expect(served(shop.rig)).toEqual(['', '']);
    expect(warnings(shop.rig)).toContainEqual(
      expect.objectContaining({
        msg: 'fetched keys are not kept over a restart',
        problem: expect.stringMatching(
          /cannot get resource "configmaps" in API group "" in the namespace "evengate-system"/,
        ),
      }),
    );
    may = true;
    await shop.rig.quiet(100_000);
    expect(served(shop.rig)).toEqual(['first', 'first']);
  });
});

describe('what is kept', () => {
  test('is written when it changes, and by no restart, resync or time', async () => {
    const shop = await opened();
    const { rig, servers } = shop;
    const writes = () => rig.writes().filter(({ name }) => name === 'evengate-keys-evengate');
    expect(writes().map(({ verb, manager }) => [verb, manager])).toEqual([['apply', 'evengate']]);
    await restarted(shop);
    await rig.quiet(100_000);
    expect(writes()).toHaveLength(1);
    servers[uri] = kid('second');
    await restarted(shop);
    expect(writes()).toHaveLength(2);
  });

  test('outlives a list of policies that comes back empty', async () => {
    const shop = await opened();
    shop.servers[uri] = undefined;
    shop.rig.api.faults.add({
      match: ({ resource, verb }) => resource === 'authpolicies' && verb === 'list',
      times: 1,
      fault: { kind: 'empty-list' },
    });
    await restarted(shop);
    expect(kept(shop.rig)).toEqual([uri]);
  });

  test('and was spoilt is ignored with a warning, and its neighbour is not', async () => {
    const shop = await opened();
    shop.servers[other] = kid('other');
    shop.rig.api.put(policy(uri, other));
    await shop.rig.quiet();
    expect(kept(shop.rig).toSorted()).toEqual([uri, other]);
    const { data = {} } = stored(shop.rig) ?? {};
    const spoilt = Object.entries(data).map(([key, text]) => [key, text.includes(other) ? text : `{"uri":"${uri}"}`]);
    shop.rig.api.patch(stored(shop.rig) as ConfigMap, { data: Object.fromEntries(spoilt) });
    shop.servers[uri] = undefined;
    shop.servers[other] = undefined;
    await restarted(shop);
    expect(served(shop.rig)).toEqual(['', '']);
    shop.rig.api.put(policy(other));
    await shop.rig.quiet();
    expect(served(shop.rig)).toEqual(['other', 'other']);
    expect(warnings(shop.rig)).toContainEqual(
      expect.objectContaining({
        msg: 'keys that were kept are ignored',
        problem: expect.stringMatching(/^entry [0-9a-f]{16}: it is not JSON of the form/),
      }),
    );
  });

  test('in a ConfigMap of somebody else is left alone', async () => {
    const rig = await pool.open();
    const theirs = { apiVersion: 'v1', kind: 'ConfigMap', data: { theirs: 'x' } };
    rig.api.create({ ...theirs, metadata: { name: 'evengate-keys-evengate', namespace: home } } as KubeObject);
    const shop = shopOf(rig);
    createAll(rig.api, [...meshedShop().filter(({ kind }) => kind !== 'AuthPolicy'), policy(uri)]);
    shop.start();
    await rig.quiet();
    expect(served(rig)).toEqual(['first', 'first']);
    expect(stored(rig)?.data).toEqual({ theirs: 'x' });
    expect(warnings(rig).map(({ problem }) => problem)).toContain(
      "ConfigMap evengate-system/evengate-keys-evengate exists and is not Evengate's, so it is left alone",
    );
  });

  test('is nothing where no gateway is in a mesh, and there is no ConfigMap', async () => {
    const rig = await pool.open();
    const shop = shopOf(rig);
    createAll(rig.api, [
      ...meshedShop().filter(({ kind }) => !/Gateway|AuthPolicy/.test(kind)),
      gateway(),
      policy(uri),
    ]);
    shop.start();
    await rig.quiet(30_000);
    expect(asked(rig)).toEqual([]);
    expect(rig.api.list(resources.ConfigMap).length).toBeGreaterThan(0);
  });
});

test('who does not lead neither reads nor writes; who leads next has the keys', async () => {
  const shop = shopOf(await pool.open());
  const { rig, servers, start } = shop;
  createAll(rig.api, [...meshedShop().filter(({ kind }) => kind !== 'AuthPolicy'), policy(uri)]);
  const candidate = (identity: string) =>
    start({
      election: (parts) => elect({ ...parts, namespace: home, name: 'evengate-evengate', identity }),
      userAgent: identity,
    });
  const by = () => [...new Set(rig.api.requests.filter(isOfKeys).map(({ userAgent }) => userAgent))];
  const one = candidate('one');
  await rig.quiet();
  servers[uri] = undefined;
  candidate('two');
  await rig.quiet(60_000);
  expect(by()).toEqual(['one']);
  await one.stop();
  await rig.quiet(60_000);
  expect(by()).toEqual(['one', 'two']);
  expect(served(rig)).toEqual(['first', 'first']);
});
