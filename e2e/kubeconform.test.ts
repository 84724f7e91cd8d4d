/** docs/schemas as kubeconform reads them, without a network: the location names files only. */
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { goProgram, tools } from './tools/go-program.ts';

const root = resolve(import.meta.dirname, '..');
const program = await goProgram(tools.kubeconform);

/** Written by users; testdata is what a cluster holds. */
const files = globSync('examples/**/*.yaml', { cwd: root }).filter((path) => !path.includes('testdata/'));
const ours = ['ApiGateway', 'Route', 'AuthPolicy', 'RateLimitPolicy'];

interface Report {
  readonly resources: readonly {
    readonly kind: string;
    readonly name: string;
    readonly status: string;
    readonly msg: string;
  }[];
}

function kubeconform(words: readonly string[], input = ''): Report & { readonly code: number | null } {
  const location = ['-schema-location', 'docs/schemas/{{ .ResourceKind }}_{{ .ResourceAPIVersion }}.json'];
  const parameters = ['-strict', '-output', 'json', '-verbose', ...location, ...words];
  const binary = 'skip' in program ? '' : program.binary;
  const { status, stdout } = spawnSync(binary, parameters, { cwd: root, input, encoding: 'utf8' });
  return { code: status, resources: (JSON.parse(stdout) as Report).resources };
}

('skip' in program ? describe.skip : describe)('kubeconform', () => {
  test('passes every object of ours in the examples', () => {
    const written = files
      .flatMap((path) => parseAllDocuments(readFileSync(join(root, path), 'utf8')))
      .map((document) => document.toJS() as { readonly kind?: string } | null)
      .filter((object) => ours.includes(object?.kind ?? ''));
    const { code, resources } = kubeconform([], written.map((object) => JSON.stringify(object)).join('\n---\n'));
    expect(resources.filter(({ status }) => status !== 'statusValid')).toEqual([]);
    expect(code).toBe(0);
    expect(resources).toHaveLength(written.length);
    expect(new Set(resources.map(({ kind }) => kind))).toEqual(new Set(ours));
  });

  test('passes a folder with objects of others, where those have no schema', () => {
    const { code, resources } = kubeconform(['-ignore-missing-schemas', 'examples/shop']);
    expect(code).toBe(0);
    const kinds = (wanted: string) => resources.filter(({ status }) => status === wanted).map(({ kind }) => kind);
    expect(new Set(kinds('statusValid'))).toEqual(new Set(ours));
    expect(kinds('statusSkipped')).toContain('Service');
  });

  const shop = readFileSync(join(root, 'examples/kustomize/shop.yaml'), 'utf8');
  test.each([
    ['a misspelt field', 'parentRefs:', 'parentRef:', "additional properties 'parentRef' not allowed"],
    ['a misspelt value', 'protocol: HTTP', 'protocol: HTPP', 'value must be one of'],
    ['a wrong type', '          port: 80', '          port: eighty', 'got string, want integer'],
  ])('refuses %s', (_what, from, to, message) => {
    const text = shop.replace(from, to);
    const { code, resources } = kubeconform(['-ignore-missing-schemas'], text);
    expect(code).toBe(1);
    const refused = resources.filter(({ status }) => status === 'statusInvalid');
    expect(refused).toHaveLength(1);
    expect(refused[0]?.msg).toContain(message);
  });
});
