/** Manifests as they are in a commit: read from git's objects, nothing is checked out. */
import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, relative, resolve, sep } from 'node:path';
import { assemble, type ManifestSet } from '../../controllers/manifests/assemble.ts';
import { parseFile, unreadableFile } from '../../controllers/manifests/parse.ts';
import { isManifestName } from '../../controllers/manifests/scan.ts';
import type { ParsedFile } from '../../controllers/manifests/source.ts';
import { firstLine, GitUnreadable, git } from './git.ts';

export interface GitTree {
  readonly set: ManifestSet;
  readonly notes: readonly string[];
}

export interface GitAsked {
  /** Branch, tag, commit, `HEAD~1`. */
  readonly ref: string;
  /** Below the root of the repository, or `./…` from here; undefined: where `files` are in their repository. */
  readonly path: string | undefined;
  /** What the other side reads. */
  readonly files: readonly string[];
}

/** Throws GitUnreadable. */
export async function readGitTree({ ref, path, files }: GitAsked): Promise<GitTree> {
  if (ref === '' || ref.startsWith('-')) throw new GitUnreadable(`${JSON.stringify(ref)} is no git ref`);
  const [first] = files.filter((file) => file !== '-');
  const beside = first === undefined ? '.' : await folderOf(first);
  // Paths of the other side are in its repository; a path that is named is in the one that we stand in, if we do.
  const folder = await repositoryFolder(path === undefined ? [beside] : ['.', beside]);
  const commit = await commitOf(folder, ref);
  const paths = path === undefined ? await pathsBelow(folder, ref, files) : [await rootPath(folder, path)];
  const found = await Promise.all(paths.map((each) => list(folder, commit, each)));
  const missing = paths.filter((_, index) => found[index]?.files.size === 0);
  if (missing.length === paths.length) {
    throw new GitUnreadable(
      `${ref} holds nothing at ${missing.map((each) => each || '.').join(', ')}: name where it was, as in --against ${ref}:PATH`,
    );
  }
  const parsed = await read({ folder, commit, ref }, [...new Set(found.flatMap(({ files }) => [...files.keys()]))]);
  return {
    set: assemble(parsed),
    notes: [
      ...missing.map((each) => `${ref} holds nothing at ${each}: all of it is new`),
      ...found.flatMap(({ modules }) =>
        modules.map((each) => `${each} is a submodule, and not read of ${ref}: all of it seems to be new`),
      ),
    ],
  };
}

/** Whether git knows a commit by this name, too; without git it does not. */
export async function isRef(name: string): Promise<boolean> {
  if (/^[-./]/.test(name)) return false;
  try {
    return (await git('.', ['rev-parse', '--verify', '--quiet', `${name}^{commit}`])).code === 0;
  } catch (error) {
    if (error instanceof GitUnreadable) return false;
    throw error;
  }
}

async function repositoryFolder(folders: readonly string[]): Promise<string> {
  for (const folder of folders) {
    const { code } = await git(folder, ['rev-parse', '--git-dir']);
    if (code === 0) return folder;
  }
  const where = folders.at(-1) ?? '.';
  throw new GitUnreadable(
    `${where === '.' ? 'this folder' : where} is in no git repository: name a file, a folder or cluster with --against`,
  );
}

async function folderOf(file: string): Promise<string> {
  try {
    return (await stat(file)).isDirectory() ? file : dirname(file);
  } catch {
    // Whoever reads the file itself says so.
    return dirname(file);
  }
}

async function commitOf(folder: string, ref: string): Promise<string> {
  const { code, stdout, stderr } = await git(folder, ['rev-parse', '--verify', '--quiet', `${ref}^{commit}`]);
  if (code === 0) return stdout.toString().trim();
  const shallow = await git(folder, ['rev-parse', '--is-shallow-repository']);
  if (shallow.stdout.toString().trim() === 'true') {
    throw new GitUnreadable(
      `this shallow clone does not hold ${ref}: fetch its history (actions/checkout: fetch-depth: 0), or run git fetch --unshallow`,
    );
  }
  const said = firstLine(stderr);
  throw new GitUnreadable(
    said === '' ? `there is no git ref ${ref}, and no file or folder of that name: git branch -a lists branches` : said,
  );
}

/** Where the files of the other side are in their repository. */
async function pathsBelow(folder: string, ref: string, files: readonly string[]): Promise<readonly string[]> {
  if (files.includes('-')) {
    throw new GitUnreadable(
      `stdin is in no commit: say where the manifests are in ${ref}, as in --against ${ref}:PATH`,
    );
  }
  const { code, stdout } = await git(folder, ['rev-parse', '--show-toplevel']);
  const top = stdout.toString().trim();
  if (code !== 0 || top === '') {
    throw new GitUnreadable(
      `a bare repository holds no files to compare: name a path in it, as in --against ${ref}:PATH`,
    );
  }
  const root = await realpath(top);
  return await Promise.all(
    files.map(async (file) => {
      const path = relative(root, await realpath(file).catch(() => resolve(file)));
      if (path !== '..' && !path.startsWith(`..${sep}`)) return path.split(sep).join('/');
      throw new GitUnreadable(
        `${file} is outside of the repository ${root}: name its place there, as in --against ${ref}:PATH`,
      );
    }),
  );
}

/** Git's own meaning of the path behind a colon. */
async function rootPath(folder: string, path: string): Promise<string> {
  if (!/^\.\.?(\/|$)/.test(path)) return path.replace(/^\/+|\/+$/g, '');
  const { stdout } = await git(folder, ['rev-parse', '--show-prefix']);
  return relative('/', resolve('/', stdout.toString().trim(), path))
    .split(sep)
    .join('/');
}

interface Listed {
  /** Names of blobs by path. */
  readonly files: ReadonlyMap<string, string>;
  /** Paths of repositories of their own: git holds nothing of them but a commit's name. */
  readonly modules: readonly string[];
}

/** A file as it is; of a folder the manifests below it, hidden ones left out, links to folders followed. */
async function list(folder: string, commit: string, path: string): Promise<Listed> {
  // What is below a link is found only at where it leads.
  const tree = path === '' ? `${commit}^{tree}` : await treeAt(folder, `${commit}:${path}`);
  if (tree !== undefined) return await listTree({ folder, commit, seen: [] }, tree, path);
  const entries = await entriesOf(folder, [commit, '--', path]);
  return { files: filesOf(entries.filter(({ name }) => name === path)), modules: [] };
}

interface Walk {
  readonly folder: string;
  readonly commit: string;
  /** Trees that are being listed: a link may lead back to one. */
  readonly seen: readonly string[];
}

async function listTree({ folder, commit, seen }: Walk, tree: string, path: string): Promise<Listed> {
  if (seen.includes(tree)) return { files: new Map(), modules: [] };
  const all = await entriesOf(folder, [tree]);
  const entries = all
    .filter(({ name }) => !isHidden(name))
    .map((entry) => ({ ...entry, name: path === '' ? entry.name : `${path}/${entry.name}` }));
  const links = entries.filter(({ mode, name }) => mode === '120000' && !isManifestName(basename(name)));
  const below = await Promise.all(
    links.map(async ({ name }) => {
      const to = await treeAt(folder, `${commit}:${name}`);
      return to === undefined ? undefined : await listTree({ folder, commit, seen: [...seen, tree] }, to, name);
    }),
  );
  const followed = below.filter((one) => one !== undefined);
  const plain = filesOf(entries.filter(({ mode, name }) => mode !== '160000' && isManifest(name)));
  const known = new Set(plain.values());
  return {
    // Each file once, whatever links lead to it.
    files: new Map([...followed.flatMap(({ files }) => [...files].filter(([, id]) => !known.has(id))), ...plain]),
    modules: [
      ...entries.filter(({ mode }) => mode === '160000').map(({ name }) => name),
      ...followed.flatMap(({ modules }) => modules),
    ],
  };
}

function filesOf(entries: readonly Entry[]): ReadonlyMap<string, string> {
  return new Map(entries.map(({ name, id }) => [name, id]));
}

/** Id of the folder there, behind links too; undefined where there is none. */
async function treeAt(folder: string, object: string): Promise<string | undefined> {
  if (object.includes('\n')) return undefined;
  const { stdout } = await git(folder, ['cat-file', '--batch-check', '--follow-symlinks'], `${object}\n`);
  return /^([0-9a-f]+) tree \d+$/m.exec(stdout.toString())?.[1];
}

interface Entry {
  /** `120000` of a link, `160000` of a submodule. */
  readonly mode: string;
  readonly id: string;
  readonly name: string;
}

async function entriesOf(folder: string, tree: readonly string[]): Promise<readonly Entry[]> {
  const { code, stdout, stderr } = await git(folder, [
    '--literal-pathspecs',
    'ls-tree',
    '-r',
    '-z',
    '--full-tree',
    ...tree,
  ]);
  if (code !== 0) throw new GitUnreadable(firstLine(stderr));
  const lines = stdout
    .toString()
    .split('\0')
    .filter((line) => line !== '');
  return lines.map((line) => {
    const tab = line.indexOf('\t');
    const [mode = '', , id = ''] = line.slice(0, tab).split(' ');
    return { mode, id, name: line.slice(tab + 1) };
  });
}

function isHidden(name: string): boolean {
  return name.split('/').some((part) => part.startsWith('.'));
}

function isManifest(name: string): boolean {
  return isManifestName(basename(name)) && !name.includes('\n');
}

interface Place {
  readonly folder: string;
  readonly commit: string;
  readonly ref: string;
}

/** All of them by one process; links are followed within the commit. */
async function read({ folder, commit, ref }: Place, names: readonly string[]): Promise<readonly ParsedFile[]> {
  const asked = names.map((name) => `${commit}:${name}\n`).join('');
  const { code, stdout, stderr } = await git(folder, ['cat-file', '--batch', '--follow-symlinks'], asked);
  if (code !== 0) throw new GitUnreadable(firstLine(stderr));
  let at = 0;
  return names.flatMap((name) => {
    const end = stdout.indexOf(10, at);
    const line = stdout.subarray(at, end).toString();
    const [, type, size] = /^[0-9a-f]+ (\w+) (\d+)$/.exec(line) ?? [];
    const path = `${ref}:${name}`;
    at = end + 1;
    if (type === undefined) {
      // `dangling 12\n…\n`, `symlink 4\n…\n`: what a link says follows; `… missing` has nothing behind it.
      const [, length] = /^(?:symlink|dangling|loop|notdir) (\d+)$/.exec(line) ?? [];
      if (length !== undefined) at += Number(length) + 1;
      return [
        unreadableFile(path, { message: 'The link leads out of the commit', remedy: 'Correct or remove the link' }),
      ];
    }
    const bytes = stdout.subarray(at, at + Number(size));
    at += Number(size) + 1;
    return type === 'blob' ? [parsedFile(path, bytes)] : [];
  });
}

function parsedFile(path: string, bytes: Uint8Array): ParsedFile {
  try {
    return parseFile({ path, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return unreadableFile(path, { message: 'The file is not UTF-8 text', remedy: 'Save the file as UTF-8' });
  }
}
