/** examples/gitops/flux, synced by the libraries of kustomize-controller and by Helm onto a real cluster. */
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { customResourceDefinition } from '../../src/api/crd.ts';
import { kinds } from '../../src/api/kinds.ts';
import type { KubeObject } from '../../src/kube/object.ts';
import { resources } from '../../src/kube/resources.ts';
import { kubectl } from '../cluster/use.ts';
import { clusterSuite } from '../operator/lib/suite.ts';
import { until } from '../operator/lib/until.ts';
import { openWorld, type World } from '../operator/lib/world.ts';
import { goProgram, tools } from '../tools/go-program.ts';
import { buildJudge, root, type Synced, sync } from './lib/judge.ts';
import { namespaceOf, patchesFor, placed, removeNamespaces } from './lib/placed.ts';

const suite = await clusterSuite();
const programs = suite === describe ? [await buildJudge(), await goProgram(tools.helm)] : [];
const [judge = '', helm = ''] = programs.map((one) => ('skip' in one ? '' : one.binary));
const describeFlux = programs.some((one) => 'skip' in one) ? describe.skip : suite;

let world: World;
/** The shop's repository, in which this test commits. */
let git: string;
let inventories: Readonly<Record<string, readonly string[]>> = {};

const file = (name: string) => join(git, 'examples/shop', name);
const edit = (name: string, change: (text: string) => string) =>
  writeFileSync(file(name), change(readFileSync(file(name), 'utf8')));

/** One round of Flux. */
async function round(more: { readonly skip?: readonly string[] } = {}): Promise<ReadonlyMap<string, Synced>> {
  const synced = await sync(judge, {
    kubeconfig: world.cluster.kubeconfig,
    sources: { fleet: join(root, 'examples/gitops/flux'), evengate: root, platform: git, shop: git },
    root: { source: 'fleet', path: './clusters/production' },
    patches: patchesFor(world),
    inventories,
    helm,
    timeoutSeconds: 120,
    ...more,
  });
  inventories = {
    ...inventories,
    ...Object.fromEntries([...synced].map(([name, { inventory }]) => [name, inventory])),
  };
  return synced;
}

/** Everybody's: what only Flux owns goes, and nothing of them does. */
async function releaseCrds(): Promise<void> {
  for (const kind of kinds) {
    const whole = customResourceDefinition(kind) as KubeObject;
    await world.client.apply(resources.CustomResourceDefinition, whole, { force: true });
    const nothing = { apiVersion: whole.apiVersion, kind: whole.kind, metadata: { name: whole.metadata.name } };
    await kubectl(['apply', '--server-side', '--field-manager=kustomize-controller', '-f', '-'], nothing);
  }
}

async function uninstall(): Promise<void> {
  const env = { ...process.env, KUBECONFIG: world.cluster.kubeconfig };
  const parameters = [
    'uninstall',
    'evengate',
    '--namespace',
    namespaceOf(world, 'evengate-system'),
    '--ignore-not-found',
  ];
  await promisify(execFile)(helm, parameters, { env });
}

const errors = (synced: ReadonlyMap<string, Synced>) => [...synced.values()].map(({ name, error }) => [name, error]);
const actions = (synced: ReadonlyMap<string, Synced>) =>
  new Set([...synced.values()].flatMap(({ changes }) => Object.values(changes)));
const get = (kind: string, name: string, namespace: 'gateways' | 'shop') =>
  world.get(kind, name, namespaceOf(world, namespace));

interface Managed {
  readonly managedFields?: readonly { readonly manager: string; readonly subresource?: string }[];
}

describeFlux('a fleet under Flux', () => {
  beforeAll(async () => {
    world = await openWorld('e2e-flux');
    git = mkdtempSync(join(tmpdir(), 'evengate-flux-'));
    cpSync(join(root, 'examples/shop'), join(git, 'examples/shop'), { recursive: true });
    removeNamespaces(world);
    world.onEnd(releaseCrds);
    world.onEnd(uninstall);
    // Somebody has made a part of it by hand, before there was Flux.
    const byHand = [...placed(world, file('2-services.yaml')), ...placed(world, file('3-routes.yaml'))];
    for (const object of byHand) await kubectl(['apply', '-f', '-'], object);
  }, 120_000);
  afterAll(async () => {
    await world?.end();
    rmSync(git, { recursive: true, force: true });
  }, 60_000);

  test('one round: CRDs, operator, edge, shop, each when the one before is healthy', async () => {
    const synced = await round();
    expect(errors(synced)).toEqual(['evengate-crds', 'evengate', 'platform', 'shop'].map((name) => [name, undefined]));
    expect([...synced.values()].flatMap(({ drift }) => drift)).toEqual([]);
  }, 150_000);

  test('what kubectl had made is Flux’s now, and only Flux’s', async () => {
    const { metadata } = (await get('Route', 'orders', 'shop')) as KubeObject & { readonly metadata: Managed };
    expect(metadata.annotations ?? {}).toEqual({});
    const managers = (metadata.managedFields ?? []).map(
      ({ manager, subresource = 'all' }) => `${manager} ${subresource}`,
    );
    expect(managers.toSorted()).toEqual(['evengate status', 'kustomize-controller all']);
  });

  test('a second round changes nothing', async () => {
    expect(actions(await round())).toEqual(new Set(['unchanged']));
  }, 60_000);

  test('a broken Route fails the round at once, and says why; mended, it is well', async () => {
    const good = readFileSync(file('3-routes.yaml'), 'utf8');
    edit('3-routes.yaml', (text) => text.replace('api.shop.example.com', 'api.elsewhere.example.com'));
    const synced = await round({ skip: ['evengate-crds', 'evengate', 'platform'] });
    expect(synced.get('shop')?.error).toMatch(
      /^health check failed: failed early due to stalled resources.*Route\/.*orders/,
    );
    writeFileSync(file('3-routes.yaml'), good);
    expect((await round({ skip: ['evengate-crds', 'evengate', 'platform'] })).get('shop')?.error).toBeUndefined();
  }, 120_000);

  test('what is gone from Git is deleted, with its children and nothing else', async () => {
    edit('4-policies.yaml', (text) => {
      const documents = text.split('\n---\n');
      return documents.filter((one) => !one.includes('kind: RateLimitPolicy')).join('\n---\n');
    });
    const shop = (await round({ skip: ['evengate-crds', 'evengate', 'platform'] })).get('shop');
    expect(shop?.error).toBeUndefined();
    const deleted = Object.entries(shop?.changes ?? {}).filter(([, action]) => action === 'deleted');
    expect(deleted.map(([subject]) => subject)).toEqual([`RateLimitPolicy/${namespaceOf(world, 'shop')}/orders-write`]);
    expect(await get('Deployment', 'edge-edge', 'gateways')).toBeDefined();

    edit('1-gateway.yaml', (text) => {
      const documents = text.split('\n---\n');
      return documents.filter((one) => !/kind: (ApiGateway|Route)\n/.test(one)).join('\n---\n');
    });
    const platform = (await round({ skip: ['evengate-crds', 'evengate', 'shop'] })).get('platform');
    expect(platform?.error).toBeUndefined();
    await until('its children go with the ApiGateway', async () => {
      const kinds = 'deployments,services,configmaps,serviceaccounts,poddisruptionbudgets';
      const left = await world.kubectl('-n', namespaceOf(world, 'gateways'), 'get', kinds, '-o', 'name');
      return left.split('\n').every((name) => !name.includes('/edge-'));
    });
  }, 120_000);
});
