import { execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, describe, expect, test } from '@jest/globals';
import { marked } from 'marked';
import { fakeIo } from '../../testing/fake-io.ts';
import { runProgram } from '../program.ts';

const goldens = 'src/cli/diff/golden';
const base = `${goldens}/base.yaml`;
const shop = 'examples/shop';
const folders: string[] = [];

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function folder(): string {
  const made = realpathSync(mkdtempSync(join(tmpdir(), 'diff-')));
  folders.push(made);
  return made;
}

async function evengate(args: readonly string[], stdin = '') {
  const io = fakeIo({ stdin });
  const code = await runProgram(['diff', ...args], io);
  return { code, ...io.written };
}

/** The manifests of the base with each text in place of another. */
function changed(...edits: readonly (readonly [from: string, to: string])[]): string {
  return edits.reduce(
    (text, [from, to]) => {
      expect(text).toContain(from);
      return text.replaceAll(from, to);
    },
    readFileSync(base, 'utf8'),
  );
}

describe('golden', () => {
  const outputs = { text: 'text.txt', markdown: 'markdown.md', json: 'json.json' } as const;
  const cases = readdirSync(goldens, { withFileTypes: true }).filter((entry) => entry.isDirectory());

  test.each(cases.map(({ name }) => name))('%s', async (name) => {
    for (const [output, file] of Object.entries(outputs)) {
      const { code, stdout, stderr } = await evengate([
        '-f',
        `${goldens}/${name}/new.yaml`,
        '--against',
        base,
        '-o',
        output,
      ]);
      expect([code, stderr]).toEqual([name === 'refactor' ? 0 : 1, '']);
      const path = `${goldens}/${name}/${file}`;
      if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(path, stdout);
      expect(stdout).toBe(readFileSync(path, 'utf8'));
    }
  });
});

test('the shop, with a canary that gets more and an admin page for everybody', async () => {
  const now = folder();
  cpSync(shop, now, { recursive: true });
  for (const file of readdirSync(now).filter((name) => name.endsWith('.yaml'))) {
    const text = readFileSync(join(now, file), 'utf8');
    writeFileSync(join(now, file), text.replace('weight: 10', 'weight: 30').replace('203.0.113.0/24', '0.0.0.0/0'));
  }
  const { code, stdout } = await evengate(['-f', now, '--against', shop]);
  expect(code).toBe(1);
  expect(stdout).toContain('/admin');
  expect(stdout).toContain('403 Forbidden → reaches shop/orders:80');
  expect(stdout).toMatch(
    /shop\/orders:80 90%, shop\/orders-canary:80 10% → shop\/orders:80 75%, shop\/orders-canary:80 25%/,
  );
  expect(stdout).toContain('2 changes: 1 opens, 1 other');
});

/** A repository whose last commit but one is the base. */
function repository(): { readonly root: string; readonly git: (...args: readonly string[]) => string } {
  const root = folder();
  const git = (...args: readonly string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], {
      cwd: root,
      encoding: 'utf8',
    });
  git('init', '-q', '-b', 'main');
  mkdirSync(join(root, 'deploy/sub'), { recursive: true });
  writeFileSync(join(root, 'deploy/sub/all.yaml'), readFileSync(base));
  writeFileSync(join(root, 'deploy/kustomization.yaml'), 'resources: [sub/all.yaml]\n');
  writeFileSync(join(root, 'deploy/.hidden.yaml'), ': no YAML');
  writeFileSync(join(root, 'deploy/README.md'), 'no manifest');
  git('add', '.');
  git('commit', '-q', '-m', 'base');
  writeFileSync(join(root, 'deploy/sub/all.yaml'), changed(['requests: 10', 'requests: 20']));
  git('commit', '-q', '-a', '-m', 'more');
  return { root, git };
}

describe('against a git ref', () => {
  test.each(['HEAD~1', 'main~1:deploy', 'main~1:deploy/sub/all.yaml'])('%s', async (ref) => {
    const { root } = repository();
    const { code, stdout } = await evengateIn(root, ['-f', 'deploy', '--against', ref]);
    expect([code, stdout]).toEqual([1, expect.stringContaining('10 a minute by sub → 20 a minute by sub')]);
  });

  test('HEAD: nothing changes that is committed', async () => {
    const { root } = repository();
    expect(await evengate(['-f', join(root, 'deploy'), '--against', 'HEAD'])).toEqual({
      code: 0,
      stdout: 'no change in traffic\n',
      stderr: '',
    });
  });

  test('in a subfolder, and of a bare repository', async () => {
    const { root, git } = repository();
    const sub = await evengateIn(join(root, 'deploy/sub'), ['-f', 'all.yaml', '--against', 'main~1:./all.yaml']);
    expect([sub.code, sub.stderr]).toEqual([1, '']);
    const bare = join(folder(), 'bare.git');
    git('clone', '-q', '--bare', '.', bare);
    const there = await evengateIn(bare, ['-f', join(root, 'deploy'), '--against', 'main~1:deploy']);
    expect([there.code, there.stderr]).toEqual([1, '']);
    const nowhere = await evengateIn(bare, ['-f', '-', '--against', 'main~1'], readFileSync(base, 'utf8'));
    expect([nowhere.code, nowhere.stderr]).toEqual([2, expect.stringContaining('--against main~1:PATH')]);
  });

  test('links within the commit are followed, others named', async () => {
    const { root, git } = repository();
    symlinkSync('sub/all.yaml', join(root, 'deploy/link.yaml'));
    git('add', '.');
    git('commit', '-q', '-m', 'link');
    expect((await evengateIn(root, ['-f', 'deploy/sub', '--against', 'HEAD:deploy/link.yaml'])).code).toBe(0);
    symlinkSync('/etc/hostname', join(root, 'deploy/out.yaml'));
    git('add', '.');
    git('commit', '-q', '-m', 'out');
    const outside = await evengateIn(root, ['-f', 'deploy/sub', '--against', 'HEAD:deploy']);
    expect([outside.code, outside.stderr]).toEqual([
      2,
      expect.stringMatching(/HEAD:deploy\/out\.yaml:1:1.*leads out of the commit/),
    ]);
  });

  test('links to folders are followed, once, and in no circle', async () => {
    const { root, git } = repository();
    mkdirSync(join(root, 'more'));
    const more = changed(['name: orders, namespace', 'name: more, namespace'], ['api.', 'more.']);
    writeFileSync(
      join(root, 'more/all.yaml'),
      more
        .split('---\n')
        .filter((text) => /kind: Route$/m.test(text))
        .join(),
    );
    symlinkSync('../more', join(root, 'deploy/far'));
    symlinkSync('sub', join(root, 'deploy/again'));
    symlinkSync('..', join(root, 'deploy/sub/circle'));
    symlinkSync('deploy', join(root, 'link'));
    git('add', '.');
    git('commit', '-q', '-m', 'links');
    for (const args of [
      ['-f', 'deploy', '--against', 'HEAD'],
      ['-f', 'link', '--against', 'HEAD'],
      ['-f', 'deploy', '--against', 'HEAD:link'],
    ]) {
      expect(await evengateIn(root, args)).toEqual({ code: 0, stdout: 'no change in traffic\n', stderr: '' });
    }
  });

  test('a ref of the name of a path is said to be one', async () => {
    const { root, git } = repository();
    git('branch', 'deploy', 'HEAD~1');
    const path = await evengateIn(root, ['-f', 'deploy', '--against', 'deploy']);
    expect([path.code, path.stderr]).toEqual([0, expect.stringContaining('note: deploy is a path and a git ref')]);
    expect((await evengateIn(root, ['-f', 'deploy', '--against', 'deploy^0'])).code).toBe(1);
    expect(await evengateIn(root, ['-f', 'deploy', '--against', './deploy'])).toMatchObject({ code: 0, stderr: '' });
  });

  test('what is in a submodule is not read of a ref, and that is said', async () => {
    const [{ root, git }, other] = [repository(), repository()];
    git('-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', other.root, 'deploy/module');
    git('commit', '-q', '-m', 'module');
    const { stderr } = await evengateIn(root, ['-f', 'deploy', '--against', 'HEAD']);
    expect(stderr).toBe('note: deploy/module is a submodule, and not read of HEAD: all of it seems to be new.\n');
  });

  test.each<readonly [args: readonly string[], sentence: string]>([
    [['-f', 'deploy', '--against', 'no-such'], 'there is no git ref no-such, and no file or folder of that name'],
    [
      ['-f', 'deploy', '--against', 'main:gone'],
      'main holds nothing at gone: name where it was, as in --against main:PATH',
    ],
    [['-f', 'deploy', '--against', '--'], '"--" is no git ref'],
    [['-f', 'deploy', '--against', './gone'], 'there is no file or folder ./gone'],
    [['-f', '/etc/hostname', 'deploy', '--against', 'main'], '/etc is in no git repository'],
    [['-f', 'deploy', '/etc/hostname', '--against', 'main'], '/etc/hostname is outside of the repository'],
  ])('%j ends with 2', async (args, sentence) => {
    const { root } = repository();
    const { code, stdout, stderr } = await evengateIn(root, args);
    expect({ code, stdout, stderr }).toEqual({ code: 2, stdout: '', stderr: expect.stringContaining(sentence) });
  });

  test('a folder that is new is compared with nothing, as long as another one was there', async () => {
    const { root } = repository();
    mkdirSync(join(root, 'new'));
    writeFileSync(join(root, 'new/a.yaml'), 'apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: shop}\n');
    const { code, stderr } = await evengateIn(root, ['-f', 'deploy', 'new', '--against', 'main']);
    expect([code, stderr]).toEqual([0, 'note: main holds nothing at new: all of it is new.\n']);
  });

  test('a shallow clone says how to get the ref', async () => {
    const { root, git } = repository();
    const clone = join(folder(), 'clone');
    git('clone', '-q', '--depth', '1', `file://${root}`, clone);
    const { code, stderr } = await evengateIn(clone, ['-f', 'deploy', '--against', 'HEAD~1']);
    expect([code, stderr]).toEqual([2, expect.stringContaining('fetch-depth: 0')]);
  });

  test('outside of a repository', async () => {
    const { code, stderr } = await evengateIn(folder(), ['-f', '-', '--against', 'main:a'], readFileSync(base, 'utf8'));
    expect([code, stderr]).toEqual([2, expect.stringContaining('is in no git repository')]);
  });
});

/** Relative paths, and git, are meant from there. */
async function evengateIn(cwd: string, args: readonly string[], stdin?: string) {
  const before = process.cwd();
  process.chdir(cwd);
  try {
    return await evengate(args, stdin);
  } finally {
    process.chdir(before);
  }
}

describe('bad input', () => {
  const broken = 'apiVersion: v1\nkind: [Service\n';

  test('of the new side ends with 2, and says where', async () => {
    const { code, stdout, stderr } = await evengate(['-f', '-', '--against', base], broken);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/<stdin>:\d+:\d+ .*\n.*what cannot be read cannot be compared/s);
  });

  test('of both sides is all told', async () => {
    const old = join(folder(), 'old.yaml');
    writeFileSync(old, broken);
    const { code, stderr } = await evengate(['-f', '-', '--against', old], broken);
    expect(code).toBe(2);
    expect(stderr).toContain('<stdin>:');
    expect(stderr).toContain(`${old}:`);
  });

  test.each<readonly [args: readonly string[], sentence: string]>([
    [['-f', base], 'say what to compare with: --against PATH, a git ref, or cluster'],
    [['--against', base], 'say which manifests to read with -f PATH'],
    [['-f', base, '--against', base, '--against', 'main'], `--against names one side: ${base} and main are two`],
    [['-f', base, '--against', '-'], 'stdin is for -f'],
    [['-f', 'docs/adr', '--against', base], 'docs/adr: no object that Evengate reads'],
    [['-f', base, '--against', 'gone.yaml'], 'there is no file or folder gone.yaml'],
    [['-f', base, '--against', 'cluster', '--kubeconfig', '/no/such/config'], '/no/such/config'],
  ])('%j', async (args, sentence) => {
    const { code, stdout, stderr } = await evengate(args);
    expect({ code, stdout, stderr }).toEqual({ code: 2, stdout: '', stderr: expect.stringContaining(sentence) });
  });

  test('against nothing, everything is new', async () => {
    const { code, stdout, stderr } = await evengate(['-f', base, '--against', folder()]);
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining('holds no object that Evengate reads: all of it is new'),
    ]);
    expect(stdout).toContain('ApiGateway shop/edge  added');
  });
});

test('a class of its own is compared, of several the usual one, and what is left out is said', async () => {
  const old = join(folder(), 'old.yaml');
  const classed = (text: string) => text.replace('spec:\n  listeners:', 'spec:\n  className: edge-a\n  listeners:');
  writeFileSync(old, classed(readFileSync(base, 'utf8')));
  const now = classed(changed(['requests: 10', 'requests: 20']));
  expect((await evengate(['-f', '-', '--against', old], now)).stdout).toContain('loosens a limit');
  const other =
    'apiVersion: evengate.dev/v1alpha1\nkind: ApiGateway\nmetadata: {name: b, namespace: shop}\nspec: {listeners: []}\n';
  const { code, stderr } = await evengate(['-f', '-', '--against', old], `${now}---\n${other}`);
  expect([code, stderr]).toEqual([1, expect.stringContaining('ApiGateways of class edge-a are not compared')]);
});

describe('long lists', () => {
  const many = (count: number) =>
    changed([
      'hostnames: [api.example.com]',
      `hostnames: [${Array.from({ length: count }, (_, n) => `h${n}.example.com`).join()}]`,
    ]);

  test('are cut, and whole with --all', async () => {
    const old = join(folder(), 'old.yaml');
    writeFileSync(old, many(50));
    const now = many(50).replace('values: [orders]', 'values: [orders, sales]');
    const short = await evengate(['-f', '-', '--against', old], now);
    expect(short.stdout).toContain('and 96 more (--all shows them)');
    const whole = await evengate(['-f', '-', '--against', old, '--all'], now);
    expect(whole.stdout).toContain('h49.example.com');
    expect(whole.stdout).not.toContain('--all');
  });
});

test('nothing that a manifest says becomes markup', async () => {
  const evil = '</details><img src=x>|`*[a](http://b)@team www.example.org a@b.example';
  const now = changed(['values: [orders]', `values: ['${evil}']`], ['name: staff', `name: 'x'`]);
  const { stdout } = await evengate(['-f', '-', '--against', base, '-o', 'markdown'], now);
  const html = await marked.parse(stdout);
  expect(html).not.toMatch(/<img|<a |<\/details><img/);
  expect(html.match(/<details>/g)?.length).toBe(html.match(/<\/details>/g)?.length);
});
