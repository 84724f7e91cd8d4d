import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from '@jest/globals';
import { envoyForTests } from '../testing/envoy.ts';
import { envoyArguments } from './envoy-process.ts';
import { podBootstrap } from './in-cluster.ts';

const found = await envoyForTests();
const suite = 'binary' in found ? describe : describe.skip;
const binary = 'binary' in found ? found.binary : '';

suite('the command of a pod', () => {
  const folder = mkdtempSync(join(tmpdir(), 'evengate-command-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  /** What Envoy would say of a bootstrap at its place in the pod. */
  async function validate(content: object, concurrency?: number): Promise<string> {
    const file = join(folder, 'bootstrap.json');
    // Validation looks whether the files of LDS and CDS exist.
    const text = JSON.stringify(content).replaceAll('/etc/evengate/resources', folder).replaceAll('/..data/', '/');
    writeFileSync(file, text);
    for (const name of ['lds.json', 'cds.json']) writeFileSync(join(folder, name), '{}');
    const command = envoyArguments({ node: 'edge-0', ...(concurrency === undefined ? {} : { concurrency }) });
    const here = command.map((word) => (word.endsWith('/bootstrap.json') ? file : word));
    const { stdout, stderr } = await promisify(execFile)(binary, [...here, '--mode', 'validate']).catch(
      (error: { stdout: string; stderr: string }) => error,
    );
    return stdout + stderr;
  }

  const edge = { kind: 'ApiGateway', namespace: 'gateways', name: 'edge' };

  test.each([undefined, 4])(
    'and its bootstrap are accepted without a warning (concurrency %p)',
    async (concurrency) => {
      const content = podBootstrap(edge, { drainToken: 'let-me', memoryLimit: 2 ** 30 });
      const said = await validate(content, concurrency);
      expect(said.replace(`configuration '${join(folder, 'bootstrap.json')}' OK\n`, '')).toBe('');
    },
  );

  test('lines of its log are JSON, whatever they say', async () => {
    const said = await validate({ ...podBootstrap(edge, { drainToken: 'let-me' }), 'no "such" field': 1 });
    const lines = said.split('\n').filter((line) => line.startsWith('{'));
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) {
      expect(Object.keys(JSON.parse(line) as object)).toEqual(['time', 'level', 'logger', 'message']);
    }
  });
});
