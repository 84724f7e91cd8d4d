/** action.yml step by step on a repository with a pull request, its workflow by actionlint, and the hook for pre-commit. */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import process from 'node:process';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { parse } from 'yaml';
import { type Outcome, readAction, runAction } from './action/runner.ts';
import { goProgram, tools } from './tools/go-program.ts';

const root = resolve(import.meta.dirname, '..');
const action = readAction(join(root, 'action.yml'));
const actionlint = await goProgram(tools.actionlint);

jest.setTimeout(120_000); // a job starts evengate five times

/** Stands for the folder of the action, whose evengate is the bundle: that starts quickly. */
const installed = mkdtempSync(join(tmpdir(), 'evengate-installed-'));
beforeAll(() => {
  execFileSync(process.execPath, ['scripts/build.ts', 'src/main.ts', join(installed, 'dist/evengate.js')], {
    cwd: root,
  });
  mkdirSync(join(installed, 'bin'));
  const script = `#!/bin/sh\nexec '${process.execPath}' '${join(installed, 'dist/evengate.js')}' "$@"\n`;
  writeFileSync(join(installed, 'bin/evengate'), script, { mode: 0o755 });
  writeFileSync(join(installed, 'dist/package.json'), '{"type":"module"}');
});
afterAll(() => rmSync(installed, { recursive: true }));

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'evengate-action-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A program of our own; what it is called with is in `calls`. */
function stub(name: string, script = ''): void {
  const path = join(folder, 'bin', name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `#!/bin/bash\nprintf '%s\\n' "${name} $*" >> '${join(folder, 'calls')}'\n${script}\n`);
  chmodSync(path, 0o755);
}

const calls = () => (existsSync(join(folder, 'calls')) ? readFileSync(join(folder, 'calls'), 'utf8') : '');
const git = (cwd: string, ...words: readonly string[]) => {
  const identity = ['-c', 'user.name=a', '-c', 'user.email=a@example.com', '-c', 'init.defaultBranch=main'];
  return execFileSync('git', [...identity, ...words], { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
};

const shop = readFileSync(join(root, 'examples/kustomize/shop.yaml'), 'utf8');
/** Nobody may call. */
const guarded = shop.replace(/authorize:\n[\s\S]*$/, () => 'authorize:\n    allow: []\n');

/** What `main` has on a remote, and a shallow clone of it with `change` on top. */
function pullRequest(base: string, change: string): string {
  const origin = join(folder, 'origin');
  mkdirSync(join(origin, 'deploy'), { recursive: true });
  git(origin, 'init', '--quiet');
  writeFileSync(join(origin, 'deploy/shop.yaml'), base);
  git(origin, 'add', '.');
  git(origin, 'commit', '--quiet', '-m', 'base');
  git(folder, 'clone', '--quiet', '--depth=1', `file://${origin}`, 'work');
  const work = join(folder, 'work');
  git(work, 'checkout', '--quiet', '--orphan', 'change');
  git(work, 'update-ref', '-d', 'refs/remotes/origin/main');
  writeFileSync(join(work, 'deploy/shop.yaml'), change);
  git(work, 'add', '.');
  git(work, 'commit', '--quiet', '-m', 'change');
  return work;
}

interface Job {
  readonly inputs?: Readonly<Record<string, string>>;
  readonly github?: Readonly<Record<string, unknown>>;
  /** Id of the comment that is there already. */
  readonly comment?: string;
}

async function job(repository: string, { inputs, github, comment = '' }: Job = {}): Promise<Outcome> {
  stub('npm');
  stub('gh', `case "$*" in *--paginate*) echo '${comment}' ;; esac`);
  return runAction({
    action,
    repository,
    temp: join(folder, 'temp'),
    inputs: { paths: 'deploy', ...inputs },
    github: {
      action_path: installed,
      token: 'ghs_x',
      base_ref: 'main',
      event_name: 'pull_request',
      repository: 'a/b',
      event: { pull_request: { number: 7, head: { repo: { fork: false } } } },
      ...github,
    },
    path: [join(folder, 'bin'), dirname(process.execPath)],
  });
}

describe('a pull request', () => {
  test('that opens a route: reported as a comment and in the summary, and it passes by default', async () => {
    const { code, steps, summary, outputs } = await job(pullRequest(guarded, shop));
    expect(code).toBe(0);
    expect(steps).toEqual([
      'actions/setup-node@v4',
      'Install evengate',
      'Lint',
      'Show findings beside the lines',
      'Compare',
      'Comment',
      'Judge',
    ]);
    expect(outputs).toMatchObject({ errors: '0', changed: 'true' });
    const report = readFileSync(outputs['report'] ?? '', 'utf8');
    expect(report).toMatch(/^<!-- evengate -->\n/);
    expect(report).toContain('orders.example.com');
    expect(summary).toContain(report);
    expect(JSON.parse(readFileSync(outputs['sarif'] ?? '', 'utf8'))).toMatchObject({ version: '2.1.0' });
    expect(calls()).toContain(`npm ci --prefix ${installed} --omit=dev`);
    expect(calls()).toMatch(/gh api --silent --method POST repos\/a\/b\/issues\/7\/comments --field body=@/);
  });

  test('fails where it is asked to: when it opens, when it changes', async () => {
    const repository = pullRequest(guarded, shop);
    expect(await job(repository, { inputs: { 'fail-on': 'opens' } })).toMatchObject({
      code: 1,
      log: expect.stringContaining('::error title=evengate::requests are admitted that were not'),
    });
    expect(await job(repository, { inputs: { 'fail-on': 'change' } })).toMatchObject({ code: 1 });
    expect(await job(repository, { inputs: { 'fail-on': 'sometimes' } })).toMatchObject({
      code: 1,
      log: expect.stringContaining('write error, warning, opens, change or never'),
    });
  });

  test('that opens with one hand and closes with the other fails as what opens does', async () => {
    const only = (method: string) =>
      guarded.replace('allow: []', `allow: [{name: some, to: [{methods: [${method}]}]}]`);
    const repository = pullRequest(only('GET'), only('POST'));
    expect(await job(repository, { inputs: { 'fail-on': 'opens' } })).toMatchObject({ code: 1 });
  });

  test('that changes nothing gets no comment; one that is there is brought up to date', async () => {
    const repository = pullRequest(shop, `${shop}# a word\n`);
    expect(await job(repository, { inputs: { 'fail-on': 'change' } })).toMatchObject({
      code: 0,
      outputs: { changed: 'false' },
    });
    expect(calls()).not.toContain('POST');
    await job(repository, { comment: '42' });
    expect(calls()).toContain('gh api --silent --method PATCH repos/a/b/issues/comments/42 --field body=@');
  });

  test('of a fork is not commented on', async () => {
    const github = { event: { pull_request: { number: 7, head: { repo: { fork: true } } } } };
    const { code, log } = await job(pullRequest(guarded, shop), { github });
    expect(code).toBe(0);
    expect(log).toContain('::notice::');
    expect(calls()).not.toContain('gh ');
  });

  test('with a mistake fails, and its finding is in the log and in SARIF', async () => {
    const broken = shop.replace('protocol: HTTP', 'protocol: HTPP');
    const { code, log, outputs } = await job(pullRequest(shop, broken));
    expect(code).toBe(1);
    expect(log).toMatch(
      /deploy\/shop.yaml:9:\d+ +error +Invalid +ApiGateway default\/shop +spec.listeners\[0\].protocol/,
    );
    const sarif = JSON.parse(readFileSync(outputs['sarif'] ?? '', 'utf8')) as object;
    expect(JSON.stringify(sarif)).toContain('"artifactLocation":{"uri":"deploy/shop.yaml"}');
    expect(await job(join(folder, 'work'), { inputs: { 'fail-on': 'never' } })).toMatchObject({ code: 0 });
  });

  test('whose manifests are gone fails at once', async () => {
    const { code, log } = await job(pullRequest(shop, shop), { inputs: { paths: 'gone' } });
    expect(code).toBe(1);
    expect(log).toContain('gone');
  });
});

test('a push compares nothing; a published version is installed by its number', async () => {
  const github = { base_ref: '', event_name: 'push', event: {} };
  const { code, steps, outputs } = await job(pullRequest(shop, shop), { github });
  expect(code).toBe(0);
  expect(steps).not.toContain('Compare');
  expect(outputs).toMatchObject({ changed: '', report: '' });
  stub('evengate', `exec '${join(installed, 'bin/evengate')}' "$@"`);
  await job(join(folder, 'work'), { github, inputs: { version: '0.1.0', paths: 'deploy\n' } });
  expect(calls()).toContain('npm install --global --no-audit --no-fund evengate@0.1.0');
});

('skip' in actionlint ? test.skip : test)(
  'actionlint finds nothing wrong with the example workflow and what it gives the action',
  () => {
    const workflow = join(folder, '.github/workflows/evengate.yaml');
    mkdirSync(dirname(workflow), { recursive: true });
    const text = readFileSync(join(root, 'examples/github/evengate.yaml'), 'utf8');
    const local = text.replace(/uses: YOUR-ORG\/evengate@\S+/, 'uses: ./');
    expect(local).not.toBe(text);
    git(folder, 'init', '--quiet');
    cpSync(join(root, 'action.yml'), join(folder, 'action.yml'));
    const lint = (content: string) => {
      writeFileSync(workflow, content);
      const binary = 'skip' in actionlint ? '' : actionlint.binary;
      return spawnSync(binary, ['-no-color', '-shellcheck=', '-pyflakes='], { cwd: folder, encoding: 'utf8' });
    };
    expect(lint(local)).toMatchObject({ stdout: '', status: 0 });
    expect(lint(local.replace('fail-on:', 'fail-in:')).stdout).toContain('input "fail-in" is not defined in action');
  },
);

test('the hook for pre-commit refuses a commit with a mistake', () => {
  const hooks = parse(readFileSync(join(root, '.pre-commit-hooks.yaml'), 'utf8')) as readonly {
    readonly id: string;
    readonly entry: string;
    readonly args: readonly string[];
  }[];
  const [hook] = hooks;
  expect(hooks.map(({ id }) => id)).toEqual(['evengate-lint']);
  const repository = pullRequest(shop, shop);
  const run = () => {
    const words = [...(hook?.entry.split(' ') ?? []), ...(hook?.args ?? [])];
    const env = { ...process.env, PATH: `${join(installed, 'bin')}:${process.env['PATH']}` };
    return spawnSync(words[0] ?? '', words.slice(1), { cwd: repository, env, encoding: 'utf8' });
  };
  expect(run()).toMatchObject({ status: 0, stderr: '0 errors, 0 warnings in 4 objects\n' });
  writeFileSync(join(repository, 'deploy/shop.yaml'), shop.replace('- name: shop', '- name: shopp'));
  expect(run()).toMatchObject({
    status: 1,
    stdout: expect.stringContaining('ApiGateway default/shopp does not exist'),
  });
});
