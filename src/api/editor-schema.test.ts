import { describe, expect, test } from '@jest/globals';
import { Ajv, type ValidateFunction } from 'ajv';
import fc from 'fast-check';
import { structuralSchema } from '../schema/structural.ts';
import { fuzz } from '../testing/fuzz.ts';
import { sampleKind, sampleSpec } from '../testing/sample-kind.ts';
import { strict } from '../testing/strict-schema.ts';
import { editorSchema } from './editor-schema.ts';

function validator(schema: object): ValidateFunction {
  return new Ajv({ strict: false, allErrors: false, validateFormats: false }).compile(schema);
}

const inEditor = validator(editorSchema(sampleKind));
const inCluster = validator(strict(structuralSchema(sampleSpec)));

function manifest(spec: unknown): unknown {
  return { apiVersion: 'evengate.dev/v1alpha1', kind: 'Sample', metadata: { name: 'a' }, spec };
}

/** Mostly right values: one wrong field at a time finds what two would hide. */
function mostly<T>(right: fc.Arbitrary<T>, ...wrong: readonly unknown[]): fc.Arbitrary<unknown> {
  return fc.oneof(
    { weight: 12, arbitrary: right },
    { weight: 1, arbitrary: fc.constantFrom(...wrong, null, 7, {}, []) },
  );
}

const match = fc.oneof(
  fc.record({ type: fc.constant('Exact'), value: mostly(fc.constant('/a'), 'a', `/${'a'.repeat(64)}`) }),
  fc.record(
    {
      type: fc.constant('RegularExpression'),
      value: mostly(fc.constant('[0-9]'), 'a'.repeat(129)),
      flags: mostly(fc.constantFrom('i', 'm'), 'x'),
    },
    { requiredKeys: ['type', 'value'] },
  ),
  fc.constantFrom(
    { type: 'Exact', value: '/a', flags: 'i' },
    { type: 'Prefix', value: '/a' },
    { value: '/a' },
    { type: 'Exact' },
  ),
);
const rule = fc.record(
  {
    name: mostly(fc.constantFrom('a', 'read', 'a-b'), 'A', '', 'x-a', 'a'.repeat(64)),
    match: mostly(match),
    redirect: mostly(fc.constantFrom({ host: 'a' }, { path: '/x' }), { host: 'a', path: '/x' }, { host: 'A' }),
    share: mostly(fc.constantFrom(5, '10%', -3), '10000', 1.5, true),
    enabled: mostly(fc.boolean(), 'true'),
    unknown: fc.constant(1),
  },
  { requiredKeys: ['name'], noNullPrototype: true },
);
const spec = fc.record(
  {
    port: mostly(fc.integer({ min: 1, max: 65535 }), 0, 65536, 1.5, '80'),
    mode: mostly(fc.constantFrom('Enforce', 'Shadow'), 'enforce'),
    timeout: mostly(fc.constantFrom('5s', '1h30m'), '5', '5d'),
    labels: mostly(fc.constantFrom({ a: 'b' }, {}), { a: 1 }, { a: 'b'.repeat(11) }, { a: '', b: '', c: '', d: '' }),
    rules: mostly(fc.array(rule, { maxLength: 5 })),
  },
  { requiredKeys: ['port', 'rules'], noNullPrototype: true },
);

describe('zod, the editor schema and the CRD agree', () => {
  test('on generated specs, good and bad', () => {
    const counts = { good: 0, bad: 0 };
    fc.assert(
      fc.property(spec, (value) => {
        const verdict = sampleSpec.safeParse(value).success;
        counts[verdict ? 'good' : 'bad']++;
        // Sizes of maps and names of keys are CEL in the CRD, which ajv does not run; everything else it must see.
        expect({ value, cluster: inCluster(value) }).toEqual({ value, cluster: verdict });
        expect({ value, editor: inEditor(manifest(value)) }).toEqual({ value, editor: verdict });
      }),
      fuzz(1500),
    );
    // Neither side may win by refusing everything.
    expect(Math.min(counts.good, counts.bad)).toBeGreaterThan((counts.good + counts.bad) / 15);
  });

  test('on every example of a field', () => {
    const rules = [
      {
        name: 'read',
        match: { type: 'Exact', value: '/orders' },
        redirect: { host: 'shop' },
        share: '10%',
        enabled: true,
      },
    ];
    const value = { port: 8080, mode: 'Shadow', timeout: '5s', labels: { team: 'shop' }, rules };
    expect([sampleSpec.safeParse(value).success, inEditor(manifest(value)), inCluster(value)]).toEqual([
      true,
      true,
      true,
    ]);
  });
});

test('an editor refuses another kind, a manifest without a name, and unknown top fields', () => {
  const good = { port: 1, rules: [] };
  expect(inEditor(manifest(good))).toBe(true);
  expect(inEditor({ ...(manifest(good) as object), kind: 'Other' })).toBe(false);
  expect(inEditor({ ...(manifest(good) as object), metadata: {} })).toBe(false);
  expect(inEditor({ ...(manifest(good) as object), data: {} })).toBe(false);
  expect(inEditor({ ...(manifest(good) as object), status: { observedGeneration: 1 } })).toBe(true);
});

test('an editor schema has no keywords of the API server', () => {
  expect(JSON.stringify(editorSchema(sampleKind))).not.toContain('x-kubernetes');
});
