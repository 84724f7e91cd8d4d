/** plugins/helm-evengate as Helm itself installs and calls it. */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { goProgram, tools } from './tools/go-program.ts';

const root = resolve(import.meta.dirname, '..');
const program = await goProgram(tools.helm);

test('the plugin has the version of Evengate', () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly version: string };
  expect(parse(readFileSync(join(root, 'plugins/helm-evengate/plugin.yaml'), 'utf8'))).toMatchObject({ version });
});

('skip' in program ? describe.skip : describe)('helm with --post-renderer evengate', () => {
  const folder = mkdtempSync(join(tmpdir(), 'evengate-helm-'));
  const chart = join(folder, 'shop');
  beforeAll(() => {
    mkdirSync(join(chart, 'templates'), { recursive: true });
    writeFileSync(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: shop\nversion: 1.0.0\n');
    writeFileSync(join(chart, 'values.yaml'), 'protocol: HTTP\n');
    writeFileSync(join(chart, 'templates/gateway.yaml'), gateway);
    writeFileSync(join(chart, 'templates/route.yaml'), route);
    const installed = helm('plugin', 'install', join(root, 'plugins/helm-evengate'));
    expect(installed).toMatchObject({ code: 0, stdout: expect.stringContaining('Installed plugin: evengate') });
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Its stderr is a file, to which what the plugin says is appended, too. */
  function helm(...words: readonly string[]) {
    const file = join(mkdtempSync(join(folder, 'run-')), 'stderr');
    const stderr = openSync(file, 'a');
    const home = {
      HELM_DATA_HOME: join(folder, 'data'),
      HELM_CONFIG_HOME: folder,
      HELM_CACHE_HOME: join(folder, 'cache'),
    };
    const env = { ...process.env, ...home, EVENGATE: `${process.execPath} ${join(root, 'src/main.ts')}` };
    const binary = 'skip' in program ? '' : program.binary;
    const { status, stdout } = spawnSync(binary, words, { env, stdio: ['ignore', 'pipe', stderr], encoding: 'utf8' });
    closeSync(stderr);
    return { code: status, stdout, stderr: readFileSync(file, 'utf8') };
  }

  test('a chart that is well is what it is without', () => {
    const plain = helm('template', 'shop', chart);
    const { code, stdout, stderr } = helm('template', 'shop', chart, '--post-renderer', 'evengate');
    expect(code).toBe(0);
    expect(parsed(stdout)).toEqual(parsed(plain.stdout));
    // That the ApiGateway and the Service may be in the cluster.
    expect(stderr).toMatch(/^<stdin>:\S+ +warning +BackendNotFound +Route default\/orders /);
  });

  test('a broken one is refused, with the sentence', () => {
    const words = ['--post-renderer', 'evengate', '--set', 'protocol=HTPP'];
    const { code, stdout, stderr } = helm('template', 'shop', chart, ...words);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/error +Invalid +ApiGateway default\/shop +spec.listeners\[0\].protocol +\S.*HTTP/);
    expect(stderr).toContain('plugin "evengate" exited with error');
  });

  test('options of the post-renderer reach it', () => {
    const words = ['--post-renderer', 'evengate', '--post-renderer-args', '--complete'];
    const { code, stderr } = helm('template', 'shop', chart, ...words);
    expect(code).toBe(1);
    expect(stderr).toMatch(/error +BackendNotFound +Route default\/orders /);
  });
});

const gateway = `apiVersion: evengate.dev/v1alpha1
kind: ApiGateway
metadata: {name: {{ .Release.Name }}}
spec:
  listeners: [{name: web, port: 80, protocol: {{ .Values.protocol }}}]
`;
const route = `apiVersion: evengate.dev/v1alpha1
kind: Route
metadata: {name: orders}
spec:
  parentRefs: [{name: {{ .Release.Name }}}]
  rules: [{name: all, backendRefs: [{name: orders, port: 80}]}]
---
apiVersion: evengate.dev/v1alpha1
kind: AuthPolicy
metadata: {name: orders}
spec:
  targetRefs: [{kind: Route, name: orders}]
  authorize: {allow: [{name: anyone}]}
`;

/** Helm writes what went through a post-renderer in its own way. */
function parsed(text: string): readonly unknown[] {
  const documents = text.split(/^---$/m).map((one) => parse(one) as unknown);
  return documents.filter((one) => one !== null).toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}
