/** Local delivery: one Envoy process here for one ApiGateway, told by files in a private directory. */
import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeRef, type ObjectRef } from '../kube/object.ts';
import { bootstrap } from '../render/bootstrap.ts';
import type { Edge, EdgeFile } from '../render/edge.ts';
import { hashOf } from '../render/fragment.ts';
import type { Finding } from '../status/finding.ts';
import { type EnvoyExit, type EnvoyProcess, EnvoyStartError, startEnvoy } from './envoy/process.ts';
import { type KeyPairOf, placeCertificates, removeCertificates } from './local/certificates.ts';
import { LocalTarget } from './local/target.ts';
import { findingsOf, takenPorts } from './publication/culprit.ts';
import { type Publication, Publisher } from './publication/publisher.ts';
import { RefusedContent } from './publication/refused.ts';

export interface LocalOptions {
  readonly gateway: ObjectRef;
  /** Path of Envoy. */
  readonly binary: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Warnings of Envoy, and what becomes of the process; one line each. */
  readonly log: (level: 'info' | 'warn' | 'error', line: string) => void;
  /** Each line of Envoy's access log; it is thrown away otherwise. */
  readonly accessLog?: ((line: string) => void) | undefined;
}

export type Outcome =
  /** `revision` is a hash of what is served; where it is served from does not show in it. */
  | { readonly taken: true; readonly revision: string }
  | {
      readonly taken: false;
      readonly findings: readonly Finding[];
      /** Ports of this machine that somebody else has; no finding tells of them. */
      readonly takenPorts: readonly number[];
    };

export interface LocalEnvoy {
  /** For the Placement. */
  readonly directory: string;
  readonly certificates: string;
  /**
   * Resolves when Envoy serves the edge, or serves again what it served before. Calls take turns. Throws EnvoyStartError
   * when Envoy cannot be started at all.
   */
  publish(edge: Edge, keyPairOf: KeyPairOf): Promise<Outcome>;
  /** Ends Envoy and removes its files. May be called again, and at any time. */
  stop(): Promise<void>;
}

/** Makes the directories; Envoy starts with the first publication. */
export async function openLocal(options: LocalOptions): Promise<LocalEnvoy> {
  const root = await mkdtemp(join(tmpdir(), 'evengate-')).catch((error: Error) => {
    throw new EnvoyStartError(`its files cannot be kept in ${tmpdir()} (${error.message}); set TMPDIR to a folder`, []);
  });
  const local = new Local(options, root);
  await mkdir(local.directory, { mode: 0o700 });
  await mkdir(local.certificates, { mode: 0o700 });
  return local;
}

/** An Envoy that runs, and the sign that it ended. */
interface Running {
  readonly envoy: EnvoyProcess;
  readonly gone: AbortController;
}

const firstPauseMs = 200;
const longestPauseMs = 10_000;
/** What Envoy remarks about configuration that is as it is on purpose. */
const noise = [
  /'descriptors' is set but only used by route configuration/, // limits are counted by the filter, named by routes
] as const;
/** An Envoy that lived this long did not fail for what it was started with. */
const soundMs = 30_000;
/** Envoy would acknowledge the same bytes of these when it reads them again. The others may be refused for what passes, such as a port that is taken. */
const falselyAcknowledged = new Set<string>(['ecds', 'sds']);
/** Every thread holds its own copy of the routes; more do not help one machine's own requests. */
const mostThreads = 4;

class Local implements LocalEnvoy {
  readonly directory: string;
  readonly certificates: string;
  readonly #options: LocalOptions;
  readonly #root: string;
  readonly #target: LocalTarget;
  readonly #publisher: Publisher;
  readonly #removeAtExit: () => void;
  readonly #stopped = new AbortController();
  #running: Running | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #pauseMs = firstPauseMs;
  /** Folders of certificates that the last good files name. */
  #folders: readonly string[] = [];

  constructor(options: LocalOptions, root: string) {
    this.#options = options;
    this.#root = root;
    this.directory = join(root, 'xds');
    this.certificates = join(root, 'tls');
    this.#target = new LocalTarget(this.directory);
    this.#publisher = new Publisher(this.#target, new RefusedContent(({ kind }) => falselyAcknowledged.has(kind)));
    this.#removeAtExit = () => rmSync(root, { recursive: true, force: true });
    process.on('exit', this.#removeAtExit);
  }

  publish(edge: Edge, keyPairOf: KeyPairOf): Promise<Outcome> {
    return this.#inTurn(async () => {
      const { files, folders } = await placeCertificates(edge, keyPairOf, this.certificates);
      const publication = await this.#take(files);
      if (publication.taken) this.#folders = folders;
      await removeCertificates(this.certificates, new Set([...this.#folders, ...folders]));
      if (publication.taken) return { taken: true, revision: revisionOf(files, this.#root) };
      const { refusals } = publication;
      return {
        taken: false,
        findings: findingsOf(this.#options.gateway, refusals),
        takenPorts: takenPorts(refusals),
      };
    });
  }

  async stop(): Promise<void> {
    this.#stopped.abort(new Error('stopped'));
    await this.#turn.catch(() => undefined);
    await this.#running?.envoy.stop();
    this.#running = undefined;
    await rm(this.#root, { recursive: true, force: true });
    process.off('exit', this.#removeAtExit);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn
      .catch(() => undefined)
      .then(() => {
        this.#stopped.signal.throwIfAborted();
        return work();
      });
    this.#turn = turn;
    return turn;
  }

  /** An Envoy that ends in the middle is started again with what it served before, and told once more. */
  async #take(files: readonly EdgeFile[]): Promise<Publication> {
    for (let attempt = 1; ; attempt += 1) {
      const running = this.#running;
      if (running === undefined && this.#publisher.state.good === undefined) {
        return this.#startFirst(files);
      }
      const current = running ?? (await this.#restart());
      try {
        return await this.#publisher.publish(files, current.gone.signal);
      } catch (error) {
        if (!(await hasEnded(current)) || this.#stopped.signal.aborted) throw error;
        this.#running = undefined;
        if (attempt === 2)
          return {
            taken: false,
            refusals: files.slice(0, 1).map((file) => ({ file, detail: 'it ended twice while taking it up' })),
            withdrawn: true,
          };
      }
    }
  }

  async #startFirst(files: readonly EdgeFile[]): Promise<Publication> {
    await this.#prepare(files);
    try {
      return await this.#start((fresh) => this.#publisher.publish(files, fresh.gone.signal));
    } catch (error) {
      const running = this.#running;
      this.#stopped.signal.throwIfAborted();
      if (running === undefined || !(await hasEnded(running))) throw error;
      this.#running = undefined;
      const lines = running.envoy.log.last(10);
      throw new EnvoyStartError(
        `it ended while loading its first configuration: ${lines.at(-1) ?? 'without a word'}`,
        lines,
      );
    }
  }

  /** For the Envoy that is started next. */
  async #prepare(files: readonly EdgeFile[]): Promise<void> {
    this.#target.envoy = undefined;
    await this.#publisher.prepare(files, this.#stopped.signal);
  }

  async #start<T>(acknowledge: (running: Running) => Promise<T>): Promise<T> {
    const { gateway, binary, env, log, accessLog } = this.#options;
    const gone = new AbortController();
    const started = performance.now();
    const envoy = await startEnvoy({
      binary,
      env,
      directory: join(this.#root, 'run'),
      accessLog,
      bootstrap: bootstrap(gateway, this.directory),
      concurrency: Math.min(availableParallelism(), mostThreads),
      log: (line) => {
        // Its farewell is no news.
        if (this.#stopped.signal.aborted || noise.some((remark) => remark.test(line))) return;
        const [, level, rest] = /^\[(\w+)\](\[\w+\] .*)$/.exec(line) ?? [];
        log(level === 'error' || level === 'critical' ? 'error' : 'warn', `Envoy: ${rest ?? line}`);
      },
      onExit: (exit) => {
        gone.abort(new Error('Envoy ended'));
        if (performance.now() - started > soundMs) this.#pauseMs = firstPauseMs;
        this.#revive(exit);
      },
    });
    const running = { envoy, gone };
    this.#target.envoy = envoy;
    const stop = () => gone.abort(this.#stopped.signal.reason);
    this.#stopped.signal.addEventListener('abort', stop, { once: true });
    this.#running = running;
    if (this.#stopped.signal.aborted) stop();
    return acknowledge(running);
  }

  #revive(exit: EnvoyExit): void {
    if (this.#stopped.signal.aborted) return;
    const why = exit.signal ?? `code ${exit.code}`;
    this.#options.log('error', `Envoy of ${describeRef(this.#options.gateway)} ended (${why}); it is started again`);
    this.#inTurn(async () => {
      if (this.#running?.gone.signal.aborted === true) this.#running = undefined;
      if (this.#running === undefined && this.#publisher.state.good !== undefined) await this.#restart();
    }).catch((error: unknown) => {
      if (!this.#stopped.signal.aborted)
        this.#options.log('error', error instanceof Error ? error.message : String(error));
    });
  }

  /** Until it runs again with the last good files; each attempt waits longer. Throws when stopped. */
  async #restart(): Promise<Running> {
    const files = this.#publisher.state.good ?? [];
    for (;;) {
      await sleep(this.#pauseMs, undefined, { signal: this.#stopped.signal });
      this.#pauseMs = Math.min(this.#pauseMs * 2, longestPauseMs);
      try {
        await this.#prepare(files);
        await this.#start((fresh) => this.#publisher.publish(files, fresh.gone.signal));
        if (this.#running !== undefined) {
          this.#options.log('info', `Envoy of ${describeRef(this.#options.gateway)} serves again`);
          return this.#running;
        }
      } catch (error) {
        this.#stopped.signal.throwIfAborted();
        await this.#running?.envoy.stop();
        this.#running = undefined;
        this.#options.log('error', error instanceof Error ? error.message : String(error));
      }
    }
  }
}

/** Whether the process is gone, or goes within a moment: its socket closes before its end is seen. */
async function hasEnded({ envoy }: Running): Promise<boolean> {
  return Promise.race([envoy.exited.then(() => true), sleep(500, false)]);
}

/** Only listeners and certificates name the directory. */
function revisionOf(files: readonly EdgeFile[], root: string): string {
  const contents = files.flatMap((file) => {
    const { kind } = file.subscription;
    const named = kind === 'lds' || kind === 'sds';
    return [file.name, named ? hashOf([file.text('').replaceAll(root, '')]) : file.hash];
  });
  return hashOf(contents);
}
