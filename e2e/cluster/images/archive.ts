/** Container images without a container engine: docker-archive files, as `docker save` writes them, with equal bytes for equal content. */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, globSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { environment as defaultEnvironment, type Entry } from '../../../scripts/image/entries.ts';
import { padding, tarEnd, tarHeader } from '../../../src/controllers/support/tar.ts';
import { cacheFolder } from '../local/places.ts';

export interface Recipe {
  /** As `docker pull` takes it, with its tag. */
  readonly name: string;
  /** What changes seldom first: a runtime unpacks only layers that it does not have yet. */
  readonly layers: readonly (readonly Entry[])[];
  readonly entrypoint: readonly string[];
  /** `UID:GID`; default root. */
  readonly user?: string;
  readonly workdir?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
}

/** An image in a file that `ctr images import`, `kind load image-archive` and `docker load` take. */
export interface PackedImage {
  readonly name: string;
  readonly archive: string;
}

/** Takes the cached archive where the content is the same; one archive a name is kept. */
export async function pack(recipe: Recipe): Promise<PackedImage> {
  const folder = join(cacheFolder(), 'images');
  const slug = recipe.name.replaceAll(/[^a-z0-9.-]+/gi, '_');
  const archive = join(folder, `${slug}-${await contentHash(recipe)}.tar`);
  if (existsSync(archive)) return { name: recipe.name, archive };
  mkdirSync(folder, { recursive: true });
  const unfinished = `${archive}.${process.pid}`;
  await write(recipe, unfinished);
  for (const old of globSync(`${slug}-*.tar`, { cwd: folder })) rmSync(join(folder, old));
  renameSync(unfinished, archive);
  return { name: recipe.name, archive };
}

async function contentHash(recipe: Recipe): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(recipe));
  for (const { content } of recipe.layers.flat()) {
    if ('file' in content) for await (const chunk of createReadStream(content.file)) hash.update(chunk as Buffer);
  }
  return hash.digest('hex').slice(0, 16);
}

async function write(recipe: Recipe, path: string): Promise<void> {
  const output = await open(path, 'w');
  try {
    const diffs: string[] = [];
    for (const [index, layer] of recipe.layers.entries()) {
      const entries = withFolders(layer);
      await output.write(tarHeader({ path: `layer-${index}.tar`, mode: 0o644, size: layerSize(entries) }));
      const hash = createHash('sha256');
      for await (const chunk of layerChunks(entries)) {
        hash.update(chunk);
        await output.write(chunk);
      }
      diffs.push(`sha256:${hash.digest('hex')}`);
    }
    const config = JSON.stringify(imageConfig(recipe, diffs));
    const layers = diffs.map((_, index) => `layer-${index}.tar`);
    const manifest = JSON.stringify([{ Config: 'config.json', RepoTags: [recipe.name], Layers: layers }]);
    for (const [name, text] of Object.entries({ 'config.json': config, 'manifest.json': manifest })) {
      const bytes = Buffer.from(text);
      await output.write(tarHeader({ path: name, mode: 0o644, size: bytes.length }));
      await output.write(Buffer.concat([bytes, padding(bytes.length)]));
    }
    await output.write(tarEnd);
  } finally {
    await output.close();
  }
}

/** Of the OCI image specification; without a date, which would make two equal images differ. */
function imageConfig(recipe: Recipe, diffs: readonly string[]): object {
  const { entrypoint, user, workdir = '/', environment = defaultEnvironment, labels } = recipe;
  return {
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: {
      Entrypoint: entrypoint,
      Env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
      WorkingDir: workdir,
      ...(user === undefined ? {} : { User: user }),
      ...(labels === undefined ? {} : { Labels: labels }),
    },
    rootfs: { type: 'layers', diff_ids: diffs },
    history: diffs.map(() => ({ created_by: 'evengate' })),
  };
}

/** Sorted by path, with every folder above an entry. */
function withFolders(layer: readonly Entry[]): readonly Entry[] {
  const all = new Map<string, Entry>();
  for (const entry of layer) {
    const words = entry.path.split('/');
    for (let length = 1; length < words.length; length += 1) {
      const path = words.slice(0, length).join('/');
      if (!all.has(path)) all.set(path, { path, content: { folder: true } });
    }
    all.set(entry.path, entry);
  }
  return [...all.values()].toSorted((left, right) => (left.path < right.path ? -1 : 1));
}

function sizeOf({ content }: Entry): number {
  if ('file' in content) return statSync(content.file).size;
  return 'text' in content ? Buffer.byteLength(content.text) : 0;
}

function layerSize(entries: readonly Entry[]): number {
  const each = entries.map((entry) => 512 + sizeOf(entry) + padding(sizeOf(entry)).length);
  return each.reduce((total, size) => total + size, tarEnd.length);
}

async function* layerChunks(entries: readonly Entry[]): AsyncGenerator<Buffer> {
  for (const entry of entries) {
    const { content, path } = entry;
    const isFolder = 'folder' in content;
    const size = sizeOf(entry);
    const mode = entry.mode ?? ('text' in content ? 0o644 : 0o755);
    yield tarHeader({ path: isFolder ? `${path}/` : path, mode, size });
    if ('text' in content) yield Buffer.from(content.text);
    if ('file' in content) for await (const chunk of createReadStream(content.file)) yield chunk as Buffer;
    yield padding(size);
  }
  yield tarEnd;
}
