/** Istio takes what is rendered for a mesh: its CRDs, by the API server's own code (e2e/crd-oracle), and its webhook (e2e/istio). */
import { execFileSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseAllDocuments, stringify } from 'yaml';
import type { SecurityObject } from '../src/istio/security.ts';
import { meshObjects, waypointObject } from '../src/render/mesh.ts';
import { judge } from '../src/testing/crd-oracle.ts';
import { readWorkload } from '../src/testing/mesh-workload.ts';
import { goProgram, judges } from './tools/go-program.ts';

const oracle = await goProgram(judges.crds);
const describeOracle = 'skip' in oracle ? describe.skip : describe;
const istio = await goProgram(judges.istio);
const describeIstio = 'skip' in istio ? describe.skip : describe;

const root = join(import.meta.dirname, '..');
const cases = globSync('src/render/mesh/golden/*/workload.yaml', { cwd: root })
  .toSorted()
  .map((path) => [path, meshObjects(readWorkload(readFileSync(join(root, path), 'utf8')), 'evengate')] as const);

interface Crd {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly group: string; readonly versions: readonly { readonly name: string }[] };
}

/** Each with the one version that is written, which is all that the judge knows to read. */
function securityCrds(): readonly Crd[] {
  const options = { cwd: join(import.meta.dirname, 'istio'), encoding: 'utf8' } as const;
  const module = execFileSync('go', ['list', '-m', '-f', '{{.Dir}}', 'istio.io/istio'], options).trim();
  const text = readFileSync(join(module, 'manifests/charts/base/files/crd-all.gen.yaml'), 'utf8');
  return parseAllDocuments(text)
    .map((document) => document.toJS() as Crd)
    .filter(({ spec }) => spec.group === 'security.istio.io')
    .map((crd) => ({
      ...crd,
      spec: { ...crd.spec, versions: crd.spec.versions.filter(({ name }) => name === 'v1').map(stored) },
    }));
}

function stored<T extends object>(version: T): T {
  return { ...version, storage: true };
}

const folder = mkdtempSync(join(tmpdir(), 'istio-crds-'));
afterAll(() => rmSync(folder, { recursive: true }));

function refusals(objects: readonly object[]): readonly (readonly string[])[] {
  if ('skip' in oracle) return [];
  const questions = objects.map((object) => ({ crd: crdOf(object as SecurityObject), object }));
  return judge(oracle.binary, questions, globSync(join(folder, '*.yaml'))).map(({ errors }) => errors);
}

function crdOf({ kind }: SecurityObject): string {
  return `${kind.toLowerCase().replace(/y$/, 'ie')}s.security.istio.io`;
}

describeOracle("Istio's CRDs", () => {
  beforeAll(() => {
    for (const crd of securityCrds()) {
      writeFileSync(join(folder, `${crd.metadata.name}.yaml`), stringify(crd, { aliasDuplicateObjects: false }));
    }
  });

  test.each(cases)('take %s', (_, objects) => {
    expect(refusals(objects)).toEqual(objects.map(() => []));
  });

  test('refuse what is misspelt, and a scope said twice', () => {
    const metadata = { name: 'a', namespace: 'shop' };
    const head = { apiVersion: 'security.istio.io/v1', kind: 'AuthorizationPolicy', metadata };
    const targetRefs = [{ group: '', kind: 'Service', name: 'orders' }];
    expect(
      refusals([
        { ...head, spec: { rules: [{ to: [{ operation: { path: ['/'] } }] }] } },
        { ...head, spec: { selector: { matchLabels: { app: 'a' } }, targetRefs } },
      ]),
    ).toEqual([
      [expect.stringContaining('unknown field')],
      [expect.stringContaining('only one of targetRefs or selector')],
    ]);
  });
});

interface Answer {
  readonly error?: string;
  readonly validate: readonly { readonly errors: readonly string[]; readonly warnings: readonly string[] }[];
}

function validate(requests: readonly (readonly object[])[]): readonly Answer[] {
  if ('skip' in istio) return [];
  const input = requests.map((objects) => `${JSON.stringify({ objects: documents(objects), proxies: [] })}\n`).join('');
  const output = execFileSync(istio.binary, { input, encoding: 'utf8', timeout: 60_000, maxBuffer: 1 << 26 });
  return output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Answer);
}

function documents(objects: readonly object[]): string {
  return objects.map((object) => JSON.stringify(object)).join('\n---\n');
}

describeIstio("Istio's webhook", () => {
  test('takes every golden, and warns of nothing', () => {
    const answers = validate(cases.map(([, objects]) => objects));
    expect(answers).toEqual(
      cases.map(([, objects]) => expect.objectContaining({ validate: objects.map(() => accepted) })),
    );
    expect(answers.map(({ error }) => error)).toEqual(cases.map(() => undefined));
  });

  test('takes the waypoint', () => {
    const gateway = waypointObject('shop', { name: 'wp', managed: true }, 'evengate', 'canary');
    expect(validate([[gateway]])).toMatchObject([{ validate: [accepted] }]);
  });
});

const accepted = expect.objectContaining({ errors: [], warnings: [] });
