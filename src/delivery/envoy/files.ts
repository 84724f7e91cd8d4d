/**
 * Files that change together, laid out like a ConfigMap volume: every name is a symlink into `..data/`, and `..data` is
 * a symlink that one rename swaps. Envoy's `watched_directory` on the directory sees exactly that rename.
 */
import { lstat, mkdir, mkdtemp, readdir, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const current = '..data';
const incoming = '..data_tmp';
const generation = /^\.\.\d/;

/**
 * Publishes `files` (name -> content) as the whole content of `directory`; resolves after the swap. Names are single
 * path segments that do not start with `..`. Calls for one directory must not overlap. Throws when the disk refuses.
 */
export async function writeAtomically(directory: string, files: ReadonlyMap<string, string | Buffer>): Promise<void> {
  for (const name of files.keys()) mustBeFileName(name);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const previous = await readlink(join(directory, current)).catch(() => undefined);
  const next = await writeGeneration(directory, files);
  // Links before the swap: Envoy refuses a listener whose route file has no name yet.
  for (const name of files.keys()) await link(directory, name);
  await rm(join(directory, incoming), { force: true });
  await symlink(next, join(directory, incoming));
  await rename(join(directory, incoming), join(directory, current));
  await removeStale(directory, files, [next, previous]);
}

function mustBeFileName(name: string): void {
  if (name !== '' && name !== '.' && !name.startsWith('..') && !/[/\0]/.test(name)) return;
  throw new Error(`${JSON.stringify(name)} cannot be the name of a published file`);
}

async function writeGeneration(directory: string, files: ReadonlyMap<string, string | Buffer>): Promise<string> {
  const stamp = new Date().toISOString().replaceAll(/[-:]/g, '_');
  const folder = await mkdtemp(join(directory, `..${stamp}.`));
  // Credentials that Envoy only takes inline are among the files.
  for (const [name, content] of files) await writeFile(join(folder, name), content, { mode: 0o600 });
  return folder.slice(directory.length).replace(/^\/+/, '');
}

async function link(directory: string, name: string): Promise<void> {
  const path = join(directory, name);
  const target = join(current, name);
  if ((await readlink(path).catch(() => undefined)) === target) return;
  await rm(path, { recursive: true, force: true });
  await symlink(target, path);
}

/** The generation just replaced stays until the next write: a reader that has resolved `..data` may still be in it. */
async function removeStale(
  directory: string,
  files: ReadonlyMap<string, unknown>,
  keep: readonly (string | undefined)[],
): Promise<void> {
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    if (generation.test(name)) {
      if (!keep.includes(name)) await rm(path, { recursive: true, force: true });
    } else if (!files.has(name) && (await lstat(path)).isSymbolicLink()) {
      if ((await readlink(path)) === join(current, name)) await rm(path);
    }
  }
}
