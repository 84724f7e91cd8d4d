/**
 * Argo CD's view of health, by the Lua that Argo CD embeds: its own test files pass, their data are statuses that the
 * operator writes, and what the script says is what kstatus says. UPDATE_GOLDEN=1 records them anew.
 */
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import type { KubeObject } from '../../src/kube/object.ts';
import { kstatus } from '../../src/testing/status-rules.ts';
import type { Reported } from '../operator/lib/world.ts';
import { customizations, filesOf, reportedKinds, scriptPath, shapeOf } from './lib/argo.ts';
import { buildJudge, judgeHealth, root, runHealthTests } from './lib/judge.ts';
import { recordedStatuses } from './lib/recorded.ts';

const judge = await buildJudge();
const describeJudge = 'skip' in judge ? describe.skip : describe;
const binary = 'skip' in judge ? '' : judge.binary;
const script = readFileSync(join(root, scriptPath), 'utf8');
const folderOf = (kind: string) => join(root, customizations, 'evengate.dev', kind);
const read = (path: string) => parse(readFileSync(path, 'utf8')) as Reported;

const healthOf: Readonly<Record<string, string>> = {
  Terminating: 'Progressing',
  InProgress: 'Progressing',
  Failed: 'Degraded',
  Current: 'Healthy',
};

describeJudge('health for Argo CD', () => {
  let recorded: readonly Reported[] = [];
  beforeAll(async () => {
    recorded = await recordedStatuses();
    if (process.env['UPDATE_GOLDEN'] !== '1') return;
    rmSync(join(root, customizations), { recursive: true, force: true });
    for (const kind of reportedKinds) {
      for (const [path, text] of filesOf(kind, script, recorded)) {
        mkdirSync(dirname(join(folderOf(kind), path)), { recursive: true });
        writeFileSync(join(folderOf(kind), path), text);
      }
    }
  }, 120_000);

  test('the tests beside the scripts pass', () => {
    const tests = runHealthTests(binary, customizations);
    expect(tests.map(({ path, found }) => ({ path, found }))).toEqual(
      tests.map(({ path, expected }) => ({ path, found: expected })),
    );
    expect(new Set(tests.map(({ found }) => found.status))).toEqual(new Set(['Healthy', 'Progressing', 'Degraded']));
  });

  test.each(reportedKinds)('of %s there is the one script, and data for every state that was recorded', (kind) => {
    expect(readFileSync(join(folderOf(kind), 'health.lua'), 'utf8')).toBe(script);
    const files = globSync('{*,testdata/*}.{lua,yaml}', { cwd: folderOf(kind) }).sort();
    expect(files).toEqual([...filesOf(kind, script, recorded).keys()].toSorted());
  });

  test.each(reportedKinds)('the data of %s are what the operator writes', (kind) => {
    const known = new Set([...recorded.map(shapeOf), kind]);
    for (const path of globSync('testdata/*.yaml', { cwd: folderOf(kind) })) {
      expect(known).toContain(shapeOf(read(join(folderOf(kind), path))));
    }
  });

  test('of everything recorded it says what kstatus says, and names the reason of what is not well', () => {
    const said = judgeHealth(binary, script, recorded);
    expect(said.map(({ status }) => status)).toEqual(recorded.map((object) => healthOf[kstatus(object)]));
    for (const [index, { status, message }] of said.entries()) {
      const reason = recorded[index]?.status?.conditions?.find(({ type }) => type === 'Ready')?.reason ?? '';
      if (status !== 'Healthy') expect(message.startsWith(`${reason}: `)).toBe(true);
    }
  });

  test('argocd-cm gets the same scripts, under the keys that Argo CD reads', () => {
    const { configMapGenerator } = parse(
      readFileSync(join(root, dirname(scriptPath), 'kustomization.yaml'), 'utf8'),
    ) as {
      readonly configMapGenerator: readonly { readonly files: readonly string[] }[];
    };
    const files = configMapGenerator.flatMap((one) => one.files);
    const keys = reportedKinds.map((kind) => `resource.customizations.health.evengate.dev_${kind}=health.lua`);
    expect(files.toSorted()).toEqual(
      [...keys, 'resource.customizations.health.argoproj.io_Application=application.lua'].toSorted(),
    );
  });

  test.each([
    [{}, { status: 'Progressing', message: '' }],
    [{ health: {} }, { status: 'Progressing', message: '' }],
    [{ health: { status: 'Degraded', message: 'no' } }, { status: 'Degraded', message: 'no' }],
  ])('an Application with the status %j is %j', (status, expected) => {
    const own = readFileSync(join(root, dirname(scriptPath), 'application.lua'), 'utf8');
    const application = { apiVersion: 'argoproj.io/v1alpha1', kind: 'Application', metadata: { name: 'a' }, status };
    expect(judgeHealth(binary, own, [application as KubeObject])).toEqual([expected]);
  });
});
