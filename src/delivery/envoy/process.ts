/** One Envoy process: started from a bootstrap, watched, ended. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type Admin, adminClient } from './admin.ts';
import { EnvoyLog, logFlags, readableLine } from './log.ts';

export interface EnvoyExit {
  readonly code: number | null;
  readonly signal: string | null;
  /** The last lines that Envoy printed. */
  readonly lines: readonly string[];
}

export interface EnvoyOptions {
  readonly binary: string;
  /** Private directory for bootstrap.json and the admin socket; made if missing, for this process alone. */
  readonly directory: string;
  /** envoy.config.bootstrap.v3.Bootstrap in JSON; its `admin` is replaced. */
  readonly bootstrap: object;
  /** Ours, of which Envoy gets PATH, HOME, TMPDIR and LANG: its formatters can print variables, so none may be a secret. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Worker threads; default one per CPU. */
  readonly concurrency?: number;
  /** Called once if Envoy ends without `stop()`, after it had started. */
  readonly onExit: (exit: EnvoyExit) => void;
  /** Warnings and errors of Envoy, one readable line each. */
  readonly log: (line: string) => void;
  /** Each line of the access log; without it, it is thrown away. */
  readonly accessLog?: ((line: string) => void) | undefined;
}

export interface EnvoyProcess {
  readonly pid: number;
  readonly adminSocket: string;
  readonly admin: Admin;
  readonly log: EnvoyLog;
  /** Resolves when the process is gone, for whatever reason. */
  readonly exited: Promise<EnvoyExit>;
  /** SIGTERM, SIGKILL after 5 s, and the files in `directory` removed. May be called again. */
  stop(): Promise<void>;
}

/** Envoy refused to start; the message gives its own last words. */
export class EnvoyStartError extends Error {
  override readonly name = 'EnvoyStartError';
  readonly lines: readonly string[];

  constructor(reason: string, lines: readonly string[]) {
    super(`Envoy did not start: ${reason}`);
    this.lines = lines;
  }
}

const startLimitMs = 30_000;
const stopLimitMs = 5000;
/** How long lines of the access log are kept back: somebody may be looking. */
const flushMs = 100;
/** sockaddr_un.sun_path holds 108 bytes with the closing NUL (Linux; macOS 104). */
const longestSocketPath = 103;

/**
 * Resolves when Envoy's admin answers, which is after the bootstrap was accepted but before it is ready. Throws
 * EnvoyStartError when Envoy ends first or is silent for 30 s.
 */
export async function startEnvoy(options: EnvoyOptions): Promise<EnvoyProcess> {
  await mkdir(options.directory, { recursive: true, mode: 0o700 });
  const place = await socketDirectory(options.directory);
  const adminSocket = join(place.directory, 'admin.sock');
  const bootstrapFile = join(options.directory, 'bootstrap.json');
  await rm(adminSocket, { force: true });
  const admin = { address: { pipe: { path: adminSocket, mode: 0o600 } } };
  await writeFile(bootstrapFile, JSON.stringify({ ...options.bootstrap, admin }), { mode: 0o600 });
  const cleanUp = async () => {
    await Promise.all([bootstrapFile, adminSocket].map((path) => rm(path, { force: true })));
    if (place.ours) await rm(place.directory, { recursive: true, force: true });
  };
  const log = new EnvoyLog();
  const child = await spawnEnvoy(options, bootstrapFile);
  const exited = watch(child, log, options);
  const envoy: EnvoyProcess = {
    pid: child.pid ?? 0,
    adminSocket,
    admin: adminClient(adminSocket),
    log,
    exited,
    stop: () => endProcess(child, exited).then(cleanUp),
  };
  await untilAnswering(envoy, options.binary);
  let stopping = false;
  void exited.then((exit) => stopping || options.onExit(exit));
  return {
    ...envoy,
    stop: () => {
      stopping = true;
      return envoy.stop();
    },
  };
}

async function socketDirectory(wanted: string): Promise<{ readonly directory: string; readonly ours: boolean }> {
  const fits = (directory: string) => Buffer.byteLength(join(directory, 'admin.sock')) <= longestSocketPath;
  if (fits(wanted)) return { directory: wanted, ours: false };
  const root = fits(join(tmpdir(), 'evengate-XXXXXX')) ? tmpdir() : '/tmp';
  const directory = await mkdtemp(join(root, 'evengate-'));
  await chmod(directory, 0o700);
  return { directory, ours: true };
}

async function spawnEnvoy(options: EnvoyOptions, bootstrapFile: string): Promise<ChildProcess> {
  const concurrency = options.concurrency === undefined ? [] : ['--concurrency', String(options.concurrency)];
  const flags = ['--disable-hot-restart', '--reject-unknown-dynamic-fields', '--drain-strategy', 'immediate'];
  const flush = ['--file-flush-interval-msec', String(flushMs)];
  const command = [options.binary, '-c', bootstrapFile, ...flags, ...flush, ...logFlags, ...concurrency];
  const env = harmless(options.env);
  const [file = '', ...args] = [...(await dieWithParent(env)), ...command];
  // Its own group: Ctrl-C must reach us first, so that we end it and do not mistake it for a crash.
  return spawn(file, args, { detached: true, stdio: ['ignore', options.accessLog ? 'pipe' : 'ignore', 'pipe'], env });
}

function harmless(env: EnvoyOptions['env']): Record<string, string> {
  const names = ['PATH', 'HOME', 'TMPDIR', 'LANG'];
  return Object.fromEntries(names.flatMap((name) => (env[name] ? [[name, env[name]]] : [])));
}

/** A wrapper (util-linux >= 2.33) by which the kernel ends Envoy when we are killed; nothing where it is missing. */
async function dieWithParent(env: Record<string, string>): Promise<readonly string[]> {
  const wrapper = ['setpriv', '--pdeathsig', 'KILL', '--'];
  const works = await promisify(execFile)('setpriv', [...wrapper.slice(1), 'true'], { env }).then(
    () => true,
    () => false,
  );
  return works ? wrapper : [];
}

/** Standard output has the access log, and nothing else. */
function watch(child: ChildProcess, log: EnvoyLog, told: Pick<EnvoyOptions, 'log' | 'accessLog'>): Promise<EnvoyExit> {
  const take = (raw: string) => {
    const line = readableLine(raw);
    if (line === '') return;
    log.add(line);
    told.log(line);
  };
  if (child.stderr) createInterface({ input: child.stderr }).on('line', take);
  if (child.stdout && told.accessLog) createInterface({ input: child.stdout }).on('line', told.accessLog);
  const kill = () => signalGroup(child, 'SIGKILL');
  process.on('exit', kill);
  return new Promise((resolve) => {
    const ended = (code: number | null, signal: string | null) => {
      process.off('exit', kill);
      resolve({ code, signal, lines: log.last(10) });
    };
    child.once('error', (error) => {
      log.add(error.message);
      if (child.pid === undefined) ended(null, null);
    });
    child.once('close', ended);
  });
}

async function untilAnswering(envoy: EnvoyProcess, binary: string): Promise<void> {
  let exit: EnvoyExit | undefined;
  void envoy.exited.then((seen) => {
    exit = seen;
  });
  const deadline = performance.now() + startLimitMs;
  while (exit === undefined && performance.now() < deadline) {
    const answered = await envoy.admin.stats('^server\\.state$', 'Gauges').catch(() => undefined);
    if (answered !== undefined) return;
    await sleep(10);
  }
  await envoy.stop();
  const lines = envoy.log.last(10);
  const silence = exit ? `${binary} ended with ${exit.signal ?? `code ${exit.code}`} and said nothing` : undefined;
  throw new EnvoyStartError(silence && lines.length > 0 ? lastWords(lines) : (silence ?? 'no answer in 30 s'), lines);
}

/** Envoy ends with its reason in plain text; the lines before are formatted log. */
function lastWords(lines: readonly string[]): string {
  return lines.findLast((line) => !line.startsWith('[')) ?? lines.at(-1) ?? '';
}

async function endProcess(child: ChildProcess, exited: Promise<EnvoyExit>): Promise<void> {
  signalGroup(child, 'SIGTERM');
  const timer = setTimeout(() => signalGroup(child, 'SIGKILL'), stopLimitMs);
  await exited;
  clearTimeout(timer);
}

function signalGroup(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // gone between the check and the signal
  }
}
