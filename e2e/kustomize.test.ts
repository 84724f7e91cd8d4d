/** `evengate krm-function` as kustomize itself calls it, by examples/kustomize. */
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { goProgram, tools } from './tools/go-program.ts';

const root = resolve(import.meta.dirname, '..');
const program = await goProgram(tools.kustomize);

('skip' in program ? describe.skip : describe)('kustomize', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'evengate-kustomize-'));
    cpSync(join(root, 'examples/kustomize'), folder, { recursive: true });
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function edit(file: string, from: string | RegExp, to: string): void {
    const text = readFileSync(join(folder, file), 'utf8');
    const edited = text.replace(from, to);
    expect(edited).not.toBe(text);
    writeFileSync(join(folder, file), edited);
  }

  async function build(...words: readonly string[]) {
    const binary = 'skip' in program ? '' : program.binary;
    const env = { ...process.env, EVENGATE: `${process.execPath} ${join(root, 'src/main.ts')}` };
    return new Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>((done) => {
      const child = execFile(binary, ['build', ...words, folder], { env }, (_, stdout, stderr) => {
        done({ code: child.exitCode ?? -1, stdout, stderr });
      });
    });
  }

  const withFunctions = ['--enable-alpha-plugins', '--enable-exec'];

  test('builds what is well, and nothing else than without the function', async () => {
    const linted = await build(...withFunctions);
    expect(linted).toMatchObject({ code: 0, stderr: '' });
    edit('kustomization.yaml', /^transformers:[\s\S]*/m, '');
    expect((await build()).stdout).toBe(linted.stdout);
  });

  test('builds nothing where lint finds an error, and says it', async () => {
    edit('shop.yaml', '- name: shop', '- name: shopp');
    const { code, stdout, stderr } = await build(...withFunctions);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(
      /error +NoMatchingParent +Route default\/orders +spec.parentRefs\[0\] +ApiGateway default\/shopp does not exist/,
    );
  });

  test('a part of an application may refer to objects that are elsewhere', async () => {
    edit('shop.yaml', '- name: shop', '- name: shopp');
    edit('evengate-lint.yaml', 'complete: true', 'complete: false');
    expect(await build(...withFunctions)).toMatchObject({ code: 0, stdout: expect.stringContaining('- name: shopp') });
  });

  test('a misspelt setting of the function is refused', async () => {
    edit('evengate-lint.yaml', 'strict: true', 'strickt: true');
    const { code, stderr } = await build(...withFunctions);
    expect(code).toBe(1);
    expect(stderr).toContain('evengate: functionConfig is no EvengateLint; write ');
  });
});
