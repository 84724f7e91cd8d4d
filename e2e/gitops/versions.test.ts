/**
 * A CRD grows while its objects are managed from Git: fields are added, in the same version and in another one, and taken
 * back with a rollback. The CRD is a copy of the ApiGateway's in a group of the test's own.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { stringify } from 'yaml';
import { objectSchema } from '../../src/api/crd.ts';
import type { KindDefinition } from '../../src/api/kind.ts';
import { kinds } from '../../src/api/kinds.ts';
import type { KubeObject } from '../../src/kube/object.ts';
import { resources } from '../../src/kube/resources.ts';
import type { JsonSchema } from '../../src/schema/json-schema.ts';
import { kubectl } from '../cluster/use.ts';
import { clusterSuite } from '../operator/lib/suite.ts';
import { until } from '../operator/lib/until.ts';
import { openWorld, type World } from '../operator/lib/world.ts';
import { buildJudge, type Synced, sync } from './lib/judge.ts';

const suite = await clusterSuite();
const judge = suite === describe ? await buildJudge() : { skip: 'there is no cluster' };
const describeVersions = 'skip' in judge ? describe.skip : suite;

/** The one that comes later. */
const field = 'defaultAccess';
const apiGateway = definitionOf('ApiGateway');
const whole = objectSchema(apiGateway);

function definitionOf(kind: string): KindDefinition {
  const found = kinds.find((one) => one.kind === kind);
  if (found === undefined) throw new Error(`there is no kind ${kind}`);
  return found;
}

/** Without the field, and what rules say of it. */
function withoutField(): JsonSchema {
  const { spec = {}, ...properties } = whole.properties ?? {};
  const { [field]: _, ...others } = spec.properties ?? {};
  const rules = (spec['x-kubernetes-validations'] ?? []).filter(({ rule }) => !rule.includes(field));
  const without = { ...spec, properties: others, 'x-kubernetes-validations': rules };
  return { ...whole, properties: { ...properties, spec: without } };
}

let world: World;
let git: string;
/** Of a CRD of one test. */
let group: string;

/** The last of the versions is stored. Resolves when the API server goes by it. */
async function define(versions: Readonly<Record<string, JsonSchema>>): Promise<void> {
  const { kind, plural, singular } = apiGateway;
  const names = Object.keys(versions);
  await world.client.apply(
    resources.CustomResourceDefinition,
    {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `${plural}.${group}` },
      spec: {
        group,
        names: { kind, plural, singular, listKind: `${kind}List` },
        scope: 'Namespaced',
        versions: names.map((name) => ({
          name,
          served: true,
          storage: name === names.at(-1),
          schema: { openAPIV3Schema: versions[name] },
          subresources: { status: {} },
        })),
      },
    } as KubeObject,
    { force: true },
  );
  const latest = names.at(-1) ?? '';
  const knows = versions[latest]?.properties?.['spec']?.properties?.[field] !== undefined;
  await until(`the API server goes by ${group}/${latest}`, async () => {
    const probe = { ...object(latest, { [field]: 'Deny' }), metadata: { name: 'probe', namespace: world.namespace } };
    try {
      await kubectl(['create', '--dry-run=server', '--validate=strict', '-f', '-'], probe);
      return knows;
    } catch (error) {
      return !knows && String(error).includes('unknown field');
    }
  });
}

function object(version: string, spec: object = {}): KubeObject {
  const listeners = [{ name: 'web', port: 80, protocol: 'HTTP' }];
  const metadata = { name: 'edge', namespace: world.namespace };
  return { apiVersion: `${group}/${version}`, kind: apiGateway.kind, metadata, spec: { listeners, ...spec } };
}

/** A new CRD, with an object in its first version. */
async function begin(name: string, first: JsonSchema): Promise<void> {
  group = `${name}.${world.namespace}.test`;
  const definition = `${apiGateway.plural}.${group}`;
  world.onEnd(() => world.remove('CustomResourceDefinition', definition));
  await define({ v1alpha1: first });
  expect(await round(object('v1alpha1'))).toMatchObject(well('created'));
}

/** Commits it, and has Flux go round. */
async function round(committed: KubeObject): Promise<Synced | undefined> {
  writeFileSync(join(git, 'objects/edge.yaml'), stringify(committed));
  const synced = await sync('skip' in judge ? '' : judge.binary, {
    kubeconfig: world.cluster.kubeconfig,
    sources: { fleet: git },
    root: { source: 'fleet', path: './cluster' },
  });
  return synced.get('objects');
}

const well = (action: string) => ({ drift: [], changes: { [`ApiGateway/${world.namespace}/edge`]: action } });

describeVersions('a CRD that grows under Flux', () => {
  beforeAll(async () => {
    world = await openWorld('e2e-versions');
    git = mkdtempSync(join(tmpdir(), 'evengate-versions-'));
    for (const folder of ['cluster', 'objects']) mkdirSync(join(git, folder));
    const kustomization = {
      apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
      kind: 'Kustomization',
      metadata: { name: 'objects', namespace: 'flux-system' },
      spec: { interval: '10m', path: './objects', prune: true, sourceRef: { kind: 'GitRepository', name: 'fleet' } },
    };
    writeFileSync(join(git, 'cluster/objects.yaml'), stringify(kustomization));
  }, 120_000);
  afterAll(async () => {
    await world?.end();
    // kubectl keeps what it discovers, and would take the next test's ApiGateways for these.
    const known = () => kubectl(['api-resources', '--output', 'name']);
    await until('the groups are forgotten', async () => !(await known()).includes(`.${world.namespace}.test`));
    rmSync(git, { recursive: true, force: true });
  }, 60_000);

  test('a field that is added to the version changes nothing, can be used, and can go again', async () => {
    await begin('added', withoutField());
    await define({ v1alpha1: whole });
    expect(await round(object('v1alpha1'))).toMatchObject(well('unchanged'));
    expect(await round(object('v1alpha1', { [field]: 'Public' }))).toMatchObject(well('configured'));
    await define({ v1alpha1: withoutField() });
    const after = await round(object('v1alpha1'));
    expect(after?.error).toBeUndefined();
    expect(after?.drift).toEqual([]);
    expect(await round(object('v1alpha1'))).toMatchObject(well('unchanged'));
  }, 60_000);

  test('another version, of the same fields: neither manifest is refused', async () => {
    await begin('alike', whole);
    await define({ v1alpha1: whole, v1alpha2: whole });
    expect(await round(object('v1alpha1'))).toMatchObject(well('unchanged'));
    expect(await round(object('v1alpha2', { [field]: 'Public' }))).toMatchObject(well('configured'));
    expect(await round(object('v1alpha2', { [field]: 'Public' }))).toMatchObject(well('unchanged'));
  }, 60_000);

  // The API server looks at the whole object by the version of each of its managers, also of who applies.
  test('what would break it: a field that only one of two versions has', async () => {
    await begin('unlike', withoutField());
    await define({ v1alpha1: withoutField(), v1alpha2: whole });
    const { error } = (await round(object('v1alpha2', { [field]: 'Public' }))) ?? {};
    expect(error).toContain('field not declared in schema');
  }, 60_000);

  test('no spec of ours has a default', () => {
    for (const kind of kinds) {
      expect(JSON.stringify(objectSchema(kind).properties?.['spec'])).not.toContain('"default":');
    }
  });
});
