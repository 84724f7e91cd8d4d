import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { fakeIo } from '../testing/fake-io.ts';
import { completionScript, type Shell } from './completion/completion.ts';
import { buildProgram, runProgram } from './program.ts';

const root = resolve(import.meta.dirname, '../..');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };

async function evengate(...args: readonly string[]) {
  const io = fakeIo();
  const code = await runProgram(args, io);
  return { code, ...io.written };
}

const program = () => buildProgram({ io: fakeIo(), end: () => undefined, runOperator: () => Promise.resolve() });
const names = program().commands.map((command) => command.name());

describe('help', () => {
  test('lists every command with what it is for, and examples', async () => {
    const { code, stdout, stderr } = await evengate('--help');
    expect([code, stderr]).toEqual([0, '']);
    expect(names).toEqual(expect.arrayContaining(['lint', 'render', 'crds', 'completion', 'version']));
    for (const name of names) expect(stdout).toMatch(new RegExp(`^ {2}${name}\\b.* {2}\\w`, 'm'));
    expect(stdout).toContain('Examples:\n  evengate ');
  });

  test.each(names)('of %s says what it does and what its options mean', async (name) => {
    const { code, stdout } = await evengate(name, '--help');
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^Usage: evengate ${name}`));
    expect(await evengate('help', name)).toEqual({ code: 0, stdout, stderr: '' });
    const command = program().commands.find((one) => one.name() === name);
    expect(command?.description()).toMatch(/\.$/);
    for (const option of command?.options ?? []) expect(option.description).not.toBe('');
    if (command?.options.length !== 0) expect(stdout).toContain('Examples:');
  });

  test('is what somebody sees who types nothing else', async () => {
    const { code, stdout, stderr } = await evengate();
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toBe((await evengate('--help')).stdout);
  });
});

describe('a command line that cannot be used ends with 2 and says what is wrong', () => {
  test.each([
    ['lnt', "unknown command 'lnt'\n(Did you mean lint?)"],
    ['lint --stric', "unknown option '--stric'\n(Did you mean --strict?)"],
    ['lint --fiel x', "unknown option '--fiel'\n(Did you mean --file?)"],
    ['run', 'say which manifests to read with -f PATH'],
    ['lint -f', "option '-f, --file <path...>' argument missing"],
    [
      'lint -f . -o xml',
      "option '-o, --output <format>' argument 'xml' is invalid. Allowed choices are text, json, sarif.",
    ],
    ['lint examples', "too many arguments for 'lint'. Expected 0 arguments but got 1: examples."],
    ['completion tcsh', "'tcsh' is invalid for argument 'shell'. Allowed choices are bash, zsh, fish."],
  ])('evengate %s', async (line, sentence) => {
    const { code, stdout, stderr } = await evengate(...line.split(' '));
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^evengate: /);
    expect(stderr).toContain(sentence);
    expect(stderr).toContain('Add --help to see how it is used.\n');
  });
});

test('version names the oldest Envoy, too', async () => {
  const printed = `evengate ${version}\nEnvoy 1.40.0 or newer\n`;
  expect(await evengate('version')).toEqual({ code: 0, stdout: printed, stderr: '' });
  expect(await evengate('--version')).toEqual({ code: 0, stdout: printed, stderr: '' });
});

describe('completion', () => {
  test.each<Shell>(['bash', 'zsh', 'fish'])('of %s knows every command and option', (shell) => {
    const script = completionScript(shell, program());
    for (const command of program().commands) {
      expect(script).toContain(command.name());
      for (const { long } of command.options) expect(script).toContain((long ?? '').slice(shell === 'fish' ? 2 : 0));
    }
    expect(script).toContain('text json sarif');
  });

  /** What bash offers for the last of the words. */
  function complete(...words: readonly string[]): readonly string[] {
    const line = ['evengate', ...words].map((word) => `'${word}'`).join(' ');
    const script = `${completionScript('bash', program())}
COMP_WORDS=(${line}); COMP_CWORD=${words.length}; _evengate; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = spawnSync('bash', ['--norc', '-c', script], { encoding: 'utf8' });
    expect(stderr).toBe('');
    return stdout.split('\n').filter((word) => word !== '');
  }

  test.each<readonly [readonly string[], readonly string[]]>([
    [['li'], ['lint']],
    [['comp'], ['completion']],
    [['--v'], ['--version']],
    [['lint', '--s'], ['--strict']],
    [
      ['lint', '-o', ''],
      ['text', 'json', 'sarif'],
    ],
    [['lint', '--strict', '--output', 's'], ['sarif']],
    [['lint', '-f', 'a.yaml', '--st'], ['--strict']],
    // Nothing of ours: bash completes paths.
    [['lint', '-f', ''], []],
    [['render', '-o', ''], []],
    [['completion', 'z'], ['zsh']],
  ])('%j offers %j in bash', (words, offered) => {
    expect(complete(...words)).toEqual(offered);
  });
});

describe('crds', () => {
  test('prints what the repository holds', async () => {
    const { code, stdout } = await evengate('crds');
    expect(code).toBe(0);
    const files = ['apigateways', 'routes', 'authpolicies', 'ratelimitpolicies'].map((plural) =>
      readFileSync(join(root, `crds/evengate.dev_${plural}.yaml`), 'utf8'),
    );
    expect(stdout).toBe(files.map((text) => `---\n${text}`).join(''));
  });

  test('writes one file each, and says where it cannot', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'crds-'));
    try {
      const { code, stdout, stderr } = await evengate('crds', '-o', join(folder, 'new/crds'));
      expect([code, stdout, stderr]).toEqual([0, '', `4 files in ${folder}/new/crds\n`]);
      const file = 'evengate.dev_routes.yaml';
      expect(readFileSync(join(folder, 'new/crds', file), 'utf8')).toBe(readFileSync(join(root, 'crds', file), 'utf8'));
      const blocked = join(folder, 'new/crds', file);
      expect(await evengate('crds', '-o', blocked)).toEqual({
        code: 2,
        stdout: '',
        stderr: `evengate: cannot write to ${blocked} (EEXIST); name a folder that this user may write to with -o.\n`,
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

/** The real thing, as a shell runs it. */
describe('bin/evengate', () => {
  const bin = join(root, 'bin/evengate');

  test('version', () => {
    const { status, stdout, stderr } = run('"$NODE" "$BIN" version', '');
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toBe(`evengate ${version}\nEnvoy 1.40.0 or newer\n`);
  });

  const route = (name: number) =>
    `---\napiVersion: evengate.dev/v1alpha1\nkind: Route\nmetadata: {name: r${name}}\nspec: {parentRefs: [{name: gone}], rules: [{backendRefs: []}]}\n`;
  const many = Array.from({ length: 2000 }, (_, name) => route(name)).join('');
  const run = (script: string, input: string) =>
    spawnSync('bash', ['-c', `set -o pipefail; ${script}`], {
      encoding: 'utf8',
      input,
      env: { ...process.env, NODE: process.execPath, BIN: bin },
    });

  test('lint', () => {
    const { status, stdout, stderr } = run('"$NODE" "$BIN" lint -f -', route(1));
    expect(status).toBe(1);
    expect(stdout).toMatch(/^<stdin>:5:21 {2}error {2}NoMatchingParent {2}Route default\/r1 {2}/m);
    expect(stderr).toMatch(/^\d+ errors?, 0 warnings in 1 object\n$/);
  });

  test('lint | head does not mind that its reader is gone', () => {
    const { status, stdout, stderr } = run('"$NODE" "$BIN" lint -f - | head -1', many);
    expect(stdout.split('\n')).toHaveLength(2);
    expect(stderr).toMatch(/^\d+ errors, 0 warnings in 2000 objects\n$/);
    expect(status).toBe(1);
  });

  test("a full disk is said, and is nobody else's mistake", () => {
    const { status, stderr } = run('"$NODE" "$BIN" crds > /dev/full', '');
    expect(stderr).toMatch(/^evengate: ENOSPC.*\n$/);
    expect(status).toBe(2);
  });

  test('all of a long output arrives', () => {
    const { stdout } = run('"$NODE" "$BIN" lint -f - | cat', many);
    expect(stdout.trim().split('\n').length).toBeGreaterThanOrEqual(2000);
    expect(stdout.endsWith('\n')).toBe(true);
  });
});

test('started by kubectl, help says so', async () => {
  const io = fakeIo();
  expect(await runProgram(['lint', '--help'], io, { name: 'kubectl evengate' })).toBe(0);
  expect(io.written.stdout).toMatch(/^Usage: kubectl evengate lint/);
  expect(io.written.stdout).toContain('kustomize build . | kubectl evengate lint -f -');
});

test('without -f and without a cluster, both are asked for', async () => {
  const { code, stderr } = await evengate('lint');
  expect([code, stderr]).toEqual([2, expect.stringMatching(/no cluster is named: .* or manifests with -f PATH\.\n$/)]);
});
