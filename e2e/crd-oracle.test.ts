/** What the API server's own code says of our CRDs and objects; see e2e/crd-oracle. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseAllDocuments } from 'yaml';
import { decode } from '../src/api/decode.ts';
import { group, type KindDefinition, version } from '../src/api/kind.ts';
import { kinds } from '../src/api/kinds.ts';
import { judge, type Question, type Verdict } from '../src/testing/crd-oracle.ts';
import { fuzz } from '../src/testing/fuzz.ts';
import { goodSpecs } from '../src/testing/good-specs.ts';
import { changed } from '../src/testing/leaves.ts';
import { mistakes, smallSpecs } from '../src/testing/mistakes/all.ts';
import { edgeMutations, mutations } from '../src/testing/mutations.ts';
import { goProgram, judges } from './tools/go-program.ts';

interface Named {
  readonly apiVersion: string;
  readonly kind: string;
}

const apiVersion = `${group}/${version}`;
const named = kinds.map((definition) => [definition.kind, definition] as const);

const oracle = await goProgram(judges.crds);
const describeOracle = 'skip' in oracle ? describe.skip : describe;

function ask(questions: readonly Question[]): readonly Verdict[] {
  return 'skip' in oracle ? [] : judge(oracle.binary, questions);
}

function crdOf(definition: KindDefinition): string {
  return `${definition.plural}.${group}`;
}

function question(definition: KindDefinition, spec: unknown): Question {
  const object = { apiVersion, kind: definition.kind, metadata: { name: 'a', namespace: 'shop' }, spec };
  return { crd: crdOf(definition), object };
}

function accepted(verdicts: readonly Verdict[], count: number): void {
  expect(verdicts.map(({ errors }) => errors)).toEqual(Array.from({ length: count }, () => []));
}

/** Seeded as every generated test; an empty or missing spec is a mutation like any other. */
function mutated(definition: KindDefinition): readonly unknown[] {
  const sampled = fc.sample(mutations(definition.kind), fuzz(150));
  return [...sampled, ...edgeMutations(definition.kind)].map(({ spec }) => spec);
}

describeOracle('the API server', () => {
  test('takes every CRD', () => {
    const verdicts = ask(kinds.map((definition) => ({ crd: crdOf(definition) })));
    accepted(verdicts, kinds.length);
  });

  test.each(named)('takes every good %s', (kind, definition) => {
    const specs = [smallSpecs[kind], ...(goodSpecs[kind] ?? [])];
    const verdicts = ask(specs.map((spec) => question(definition, spec)));
    accepted(verdicts, specs.length);
    // Nothing is defaulted, dropped or rewritten on the way.
    expect(verdicts.map(({ stored }) => stored?.spec)).toEqual(specs);
  });

  test('takes the objects of examples/shop', () => {
    const files = globSync(join(import.meta.dirname, '../examples/shop/*.yaml'));
    const objects = files.flatMap((file) =>
      parseAllDocuments(readFileSync(file, 'utf8')).map((one) => one.toJS() as Named),
    );
    const ours = objects.filter((object) => object.apiVersion === apiVersion);
    const questions = named.flatMap(([kind, definition]) =>
      ours.filter((object) => object.kind === kind).map((object) => ({ crd: crdOf(definition), object })),
    );
    expect(questions.length).toBe(ours.length);
    expect(new Set(ours.map(({ kind }) => kind)).size).toBe(kinds.length);
    accepted(ask(questions), ours.length);
  });

  test.each(named)('refuses every likely mistake in a %s', (kind, definition) => {
    const rows = mistakes[kind] ?? [];
    const specs = rows.map(([at, wrong]) => changed(smallSpecs[kind], at, () => wrong));
    const verdicts = ask(specs.map((spec) => question(definition, spec)));
    const taken = rows.filter((_, index) => verdicts[index]?.errors.length === 0);
    expect(taken).toEqual([]);
    expect(rows.length).toBeGreaterThan(5);
  });

  test.each(named)('agrees with zod on every mutation of a good %s', (kind, definition) => {
    const specs = mutated(definition);
    const verdicts = ask(specs.map((spec) => question(definition, spec)));
    const differences = specs.flatMap((spec, index) => {
      const { errors, stored } = verdicts[index] ?? { errors: ['no verdict'] };
      // What a null stands in for is absent by the time that anything of ours reads it from the server.
      const read = stored === undefined ? spec : stored.spec;
      const { ok, findings } = decode(definition.spec, read, {
        about: { kind, namespace: 'shop', name: 'a' },
        at: 'spec',
      });
      if (ok === (errors.length === 0)) return [];
      return [{ spec, zod: findings.map(({ at, message }) => `${at}: ${message}`), server: errors }];
    });
    expect(differences).toEqual([]);
    const refused = verdicts.filter(({ errors }) => errors.length > 0).length;
    // Neither side may win by refusing everything, or nothing.
    expect(Math.min(refused, specs.length - refused)).toBeGreaterThan(specs.length / 10);
  });
});
