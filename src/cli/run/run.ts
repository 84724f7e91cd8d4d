/** `evengate run`: serves manifests on real Envoys of this machine, and follows every change. */
import { constants } from 'node:os';
import process from 'node:process';
import { type BackendOption, unknownBackends } from '../../controllers/local/endpoints.ts';
import type { PortMapping } from '../../controllers/local/ports.ts';
import { LocalServer, type LocalState } from '../../controllers/local.ts';
import type { ManifestSet } from '../../controllers/manifests/assemble.ts';
import { type ManifestWatch, watchManifests } from '../../controllers/manifests/watch.ts';
import { findEnvoy, NoEnvoyError } from '../../delivery/envoy/find.ts';
import { EnvoyStartError } from '../../delivery/envoy/process.ts';
import { keyOf } from '../../kube/object.ts';
import type { Snapshot } from '../../kube/snapshot.ts';
import type { Finding } from '../../status/finding.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { type PlacedFinding, placeFindings, textReport } from '../findings.ts';
import type { Io } from '../io.ts';
import { complain } from '../load.ts';
import { createLog, type Log, type LogFormat } from './logger.ts';
import { readyLine, tablesText } from './report.ts';

export interface RunOptions {
  readonly file: readonly string[];
  readonly backend?: readonly BackendOption[];
  readonly listen: string;
  readonly portMap?: readonly PortMapping[];
  readonly once?: boolean;
  readonly output: 'text' | 'json';
  readonly log?: LogFormat;
  readonly accessLog?: boolean;
}

export interface RunHooks {
  /** When everything serves for the first time. */
  readonly onServing?: (state: LocalState) => void;
}

/** Serves until SIGINT, SIGTERM or SIGHUP; with `once` until it has said so. Leaves nothing running. */
export async function run(options: RunOptions, io: Io, hooks: RunHooks = {}): Promise<ExitCode> {
  // Each Envoy asks to be ended with us, and there may be many.
  process.setMaxListeners(0);
  const stopping = new AbortController();
  const release = onStopSignal(() => stopping.abort());
  const session = new Session(options, io, hooks);
  try {
    return await session.serve(stopping.signal);
  } finally {
    await session.end();
    release();
  }
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** npm and the terminal may both pass on one Ctrl-C. */
const echoMs = 1000;

/** The first signal asks to stop; one that comes later means at once. Returns how to stop listening. */
function onStopSignal(stop: () => void): () => void {
  let first: number | undefined;
  const listener = (signal: NodeJS.Signals) => {
    first ??= performance.now();
    if (performance.now() - first > echoMs) process.exit(128 + constants.signals[signal]);
    stop();
  };
  for (const signal of signals) process.on(signal, listener);
  return () => {
    for (const signal of signals) process.off(signal, listener);
  };
}

/** After this long without a word, people ask themselves whether it hangs. */
const patienceMs = 2000;

class Session {
  readonly #options: RunOptions;
  readonly #io: Io;
  readonly #hooks: RunHooks;
  readonly #log: Log;
  readonly #server: LocalServer;
  #watch: ManifestWatch | undefined;
  #newest: { readonly set: ManifestSet; readonly files: readonly string[] } | undefined;
  #wake: () => void = () => undefined;
  /** What was printed, so that a reload says only what is new. */
  #findings: ReadonlySet<string> = new Set();
  #tables = '';
  #revisions = '';
  #snapshot: Snapshot | undefined;
  #served = false;

  constructor(options: RunOptions, io: Io, hooks: RunHooks) {
    this.#options = options;
    this.#io = io;
    this.#hooks = hooks;
    const log = createLog(io.stderr, options.log);
    this.#log = log;
    this.#server = new LocalServer({
      listen: options.listen,
      portMappings: options.portMap ?? [],
      backends: options.backend ?? [],
      env: io.env,
      findBinary: async () => (await findEnvoy({ env: io.env, progress: (line) => log.info(line) })).path,
      // As it is, for jq; stdout belongs to --output.
      ...(options.accessLog ? { accessLog: (line) => io.stderr.write(`${line}\n`) } : {}),
      log: ({ namespace, name }) => {
        const fields = { gateway: keyOf(namespace, name) };
        return (level, line) => log[level](line, fields);
      },
    });
  }

  async serve(stop: AbortSignal): Promise<ExitCode> {
    const watch = await watchManifests(
      this.#options.file,
      (set, files) => {
        this.#newest = { set, files: [...(this.#newest?.files ?? []), ...files] };
        this.#wake();
      },
      // Node keeps a process up for a stdin that was looked at.
      this.#options.file.includes('-') ? { stdin: this.#io.stdin } : {},
    );
    this.#watch = watch;
    const stopped = new Promise<void>((resolve) => stop.addEventListener('abort', () => resolve(), { once: true }));
    const failure = await this.#unlessStopped(this.#begin(watch.current), stopped);
    if (failure !== undefined || this.#options.once === true || stop.aborted) return failure ?? exitCodes.done;
    while (!stop.aborted) {
      await Promise.race([stopped, this.#change()]);
      const newest = this.#newest;
      this.#newest = undefined;
      if (newest !== undefined && !stop.aborted)
        await this.#unlessStopped(this.#follow(newest.set, newest.files), stopped);
    }
    return exitCodes.done;
  }

  async end(): Promise<void> {
    await Promise.all([this.#watch?.close(), this.#server.stop()]);
  }

  /** Stopping ends the work in the middle, whose complaint about that is of no interest. */
  async #unlessStopped<T>(work: Promise<T>, stopped: Promise<void>): Promise<T | undefined> {
    work.catch(() => undefined);
    return Promise.race([work, stopped.then(() => undefined)]);
  }

  async #change(): Promise<void> {
    if (this.#newest !== undefined) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  /** The first time; a code where nothing can be served. */
  async #begin(set: ManifestSet): Promise<ExitCode | undefined> {
    const resolution = this.#server.resolve(set);
    const unusable = this.#unusable(set, resolution.gateways.size);
    if (unusable !== undefined) {
      this.#print(set, resolution.findings);
      for (const sentence of unusable) complain(this.#io, sentence);
      return exitCodes.unusable;
    }
    const ports = await this.#server.assignPorts(set);
    if (ports.length > 0) return this.#noPort(set, resolution.findings, ports);
    let state: LocalState;
    try {
      state = await this.#patiently(this.#server.apply(set));
    } catch (error) {
      if (!(error instanceof NoEnvoyError || error instanceof EnvoyStartError)) throw error;
      this.#print(set, resolution.findings);
      complain(this.#io, error.message.replace(/\.$/, ''));
      return exitCodes.noEnvoy;
    }
    if (state.missingPorts.length > 0) return this.#noPort(set, state.findings, state.missingPorts);
    this.#print(set, state.findings);
    this.#tookUp(state);
    this.#report(state);
    return this.#options.once === true && !state.ready ? exitCodes.unusable : undefined;
  }

  #unusable(set: ManifestSet, gateways: number): readonly string[] | undefined {
    const { backend = [], file } = this.#options;
    if (set.problems.length > 0) return ['what is named above cannot be read, so nothing is served'];
    const unknown = unknownBackends(backend, set.snapshot.Service);
    if (unknown.length > 0) return unknown;
    return gateways > 0
      ? undefined
      : [`${file.join(', ')}: no ApiGateway that can be served; add one, or mend what is named above`];
  }

  #noPort(set: ManifestSet, findings: readonly Finding[], ports: readonly Finding[]): ExitCode {
    this.#print(
      set,
      findings.filter((finding) => !ports.includes(finding)),
    );
    for (const { message, remedy } of ports) complain(this.#io, `${message}. ${remedy}`);
    return exitCodes.noEnvoy;
  }

  async #follow(set: ManifestSet, files: readonly string[]): Promise<void> {
    const started = performance.now();
    const state = await this.#patiently(this.#server.apply(set));
    this.#print(set, state.findings);
    if (!this.#tookUp(state)) {
      this.#log.warn(`${filesText(files)} not taken up; what was served before stays`);
      return;
    }
    this.#log.info(`${filesText(files)} taken up in ${Math.round(performance.now() - started)} ms`);
    this.#report(state);
  }

  /** A change that is all mistakes leaves everything as it was. */
  #tookUp({ set, refused, served }: LocalState): boolean {
    const revisions = revisionsOf(served);
    const moved = revisions !== this.#revisions;
    const unread = set.problems.length > 0 && set.snapshot === this.#snapshot;
    this.#revisions = revisions;
    this.#snapshot = set.snapshot;
    return moved || (refused.length === 0 && !unread);
  }

  #report(state: LocalState): void {
    const { listen, output } = this.#options;
    if (output === 'json') {
      if (state.ready) this.#io.stdout.write(readyLine(state, listen));
    } else {
      const tables = tablesText(state, listen, this.#io.stdout);
      if (tables !== this.#tables) this.#io.stdout.write(tables);
      this.#tables = tables;
    }
    if (state.ready && !this.#served) this.#hooks.onServing?.(state);
    this.#served ||= state.ready;
  }

  /** Findings that were not there before. */
  #print(set: ManifestSet, resolved: readonly Finding[]): void {
    const placed = placeFindings(set, resolved);
    const fresh = placed.filter((finding) => !this.#findings.has(textOf(finding)));
    this.#io.stderr.write(textReport(fresh, this.#io.stderr));
    this.#findings = new Set(placed.map(textOf));
  }

  async #patiently<T>(work: Promise<T>): Promise<T> {
    const started = performance.now();
    const timer = setInterval(() => {
      this.#log.info(`waiting for Envoy ... ${Math.round((performance.now() - started) / 1000)} s`);
    }, patienceMs);
    try {
      return await work;
    } finally {
      clearInterval(timer);
    }
  }
}

function textOf({ position, ...finding }: PlacedFinding): string {
  return JSON.stringify({ file: position?.file, ...finding });
}

function revisionsOf(served: LocalState['served']): string {
  return JSON.stringify(served.map(({ gateway: { ref }, revision }) => [ref.namespace, ref.name, revision]));
}

const mostFiles = 3;

function filesText(files: readonly string[]): string {
  const names = [...new Set(files)];
  const more = names.length > mostFiles ? ` and ${names.length - mostFiles} more` : '';
  return `${names.slice(0, mostFiles).join(', ')}${more}`;
}
