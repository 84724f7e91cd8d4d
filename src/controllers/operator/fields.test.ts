/** Every field of an ApiGateway's workload and service changes an object, or is refused by its name; and changed back, all is as before. */
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { children } from '../../render/workload.ts';
import { resolver } from '../../resolve/resolve.ts';
import { gateway, snapshotOf } from '../../testing/build.ts';
import { goodSpecs } from '../../testing/good-specs.ts';
import { kindRefusals } from '../../testing/kube-api/kind-refusals.ts';
import { changed, type Path, places } from '../../testing/leaves.ts';
import { endOf } from '../../testing/operator/oracles.ts';
import { rigPool } from '../../testing/operator/rig.ts';

const pool = rigPool({ validate: kindRefusals });
afterEach(pool.stop);

interface Schema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema;
  readonly enum?: readonly string[];
}

interface Definition {
  readonly spec: {
    readonly versions: readonly {
      readonly schema: { readonly openAPIV3Schema: { readonly properties: { readonly spec: Schema } } };
    }[];
  };
}

const definition = parse(readFileSync('crds/evengate.dev_apigateways.yaml', 'utf8')) as Definition;
const schema = definition.spec.versions[0]?.schema.openAPIV3Schema.properties.spec ?? {};

/** `workload.template.tolerations[].key`; none that can have one value alone. */
function leavesOf({ properties, items, additionalProperties, enum: choices }: Schema, at: string): readonly string[] {
  if (properties !== undefined) {
    return Object.entries(properties).flatMap(([name, child]) => leavesOf(child, at === '' ? name : `${at}.${name}`));
  }
  if (items !== undefined) return leavesOf(items, `${at}[]`);
  if (choices?.length === 1) return [];
  return additionalProperties === undefined ? [at] : [`${at}.*`];
}

const judged = /^(workload|service)\b/;
const all = leavesOf(schema, '').filter((leaf) => judged.test(leaf));

function schemaAt(path: Path): Schema {
  return path.reduce<Schema>((at, key) => {
    if (typeof key === 'number') return at.items ?? {};
    return at.properties?.[key] ?? at.additionalProperties ?? {};
  }, schema);
}

function leafAt(path: Path): string {
  let at: Schema = schema;
  return path.reduce<string>((text, key) => {
    const isEntry = typeof key === 'string' && at.properties === undefined && at.additionalProperties !== undefined;
    at = typeof key === 'number' ? (at.items ?? {}) : (at.properties?.[key] ?? at.additionalProperties ?? {});
    if (typeof key === 'number') return `${text}[]`;
    return `${text}${text === '' ? '' : '.'}${isEntry ? '*' : key}`;
  }, '');
}

/** With minDomains, spread goes one way only. */
const spread = {
  listeners: [{ name: 'web', port: 80, protocol: 'HTTP' }],
  workload: {
    template: { topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' }] },
  },
};
const goods = [...(goodSpecs['ApiGateway'] ?? []), spread];

interface Mutation {
  readonly leaf: string;
  readonly good: object;
  readonly bad: object;
}

/** Other values for one leaf: none, another one of its enum, one more, or a longer text. */
function othersFor(value: unknown, path: Path): readonly unknown[] {
  const { enum: choices = [] } = schemaAt(path);
  if (typeof value === 'number') return [undefined, value + 1, value - 1];
  if (typeof value === 'boolean') return [undefined, !value];
  if (choices.length > 0) return [undefined, ...choices.filter((choice) => choice !== value)];
  return [undefined, `${String(value)}x`, '300m', '2m', '51%', '198.51.100.0/24'];
}

const accepts = (spec: unknown) => kindRefusals({ kind: 'ApiGateway', spec } as never, undefined).length === 0;

const mutations: readonly Mutation[] = goods.flatMap((good) =>
  [...places(good)].flatMap(({ path, value }) => {
    if (typeof value === 'object' || !judged.test(leafAt(path))) return [];
    const specs = othersFor(value, path).map((other) => changed(good, path, () => other) as object);
    return specs.filter(accepts).map((bad) => ({ leaf: leafAt(path), good, bad }));
  }),
);

/** The objects that run its Envoys, as text, and what is said of it. */
function outcome(spec: object) {
  const { gateways, findings } = resolver()(snapshotOf([gateway(spec)]));
  const [found] = gateways.values();
  const objects =
    found === undefined ? [] : children(found, { owner: { uid: '1' }, className: 'evengate', image: 'envoy:test' });
  return { objects: JSON.stringify(objects), findings: findings.map(({ at }) => at.replaceAll(/\[\d+\]/g, '[]')) };
}

describe('every field of workload and service', () => {
  test('is tried', () => {
    const tried = new Set(mutations.map(({ leaf }) => leaf));
    expect(all.filter((leaf) => !tried.has(leaf))).toEqual([]);
    expect(all.length).toBeGreaterThan(60);
  });

  test('changes an object, or is refused by its name', () => {
    const silent = new Set(all);
    for (const { leaf, good, bad } of mutations) {
      const [before, after] = [outcome(good), outcome(bad)];
      const isNamed = after.findings.some((at) => `spec.${leaf}`.startsWith(at) && at !== 'spec');
      if (before.objects !== after.objects || isNamed) silent.delete(leaf);
    }
    expect([...silent]).toEqual([]);
  });

  test('is taken back as if it had never been', async () => {
    const rig = await pool.open();
    rig.start();
    for (const good of goods) {
      rig.api.put(gateway(good));
      await rig.quiet(3000);
      const before = endOf(rig);
      const own = mutations.filter((mutation) => mutation.good === good);
      for (const [index, { bad }] of own.entries()) {
        if (index % 40 !== 0) continue;
        rig.api.put(gateway(bad));
        await rig.quiet(3000);
        rig.api.put(gateway(good));
        await rig.quiet(3000);
        expect(endOf(rig)).toEqual(before);
      }
    }
  });
});
