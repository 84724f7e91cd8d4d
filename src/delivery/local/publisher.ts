/** Writes files for one running Envoy, phase by phase, and believes only what Envoy acknowledges. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { EdgeFile } from '../../render/edge.ts';
import {
  type Acknowledgement,
  nothingBefore,
  stateBefore,
  subscription,
  waitForVersions,
} from '../envoy/acknowledge.ts';
import { writeAtomically } from '../envoy/files.ts';
import type { EnvoyProcess } from '../envoy/process.ts';
import { type Phase, planPhases, planWithdrawal } from './phases.ts';

/** A file that Envoy did not take; `detail` is Envoy's reason, '' where it gave none in time. */
export interface Refusal {
  readonly file: EdgeFile;
  readonly detail: string;
}

export type Publication =
  | { readonly taken: true }
  | {
      readonly taken: false;
      readonly refusals: readonly Refusal[] /** Envoy is back where it was. */;
      readonly withdrawn: boolean;
    };

/** What a file of the directory says, and under which version. */
interface Written {
  readonly hash: string;
  readonly text: string;
  readonly version: string;
}

/** How long changed listeners and clusters get until they serve; they go on warming if it is not enough. */
const warmingLimitMs = 5000;

export class Publisher {
  readonly #directory: string;
  #number = 0;
  /** Acknowledged by the Envoy that runs now. */
  readonly #acknowledged = new Map<string, Written>();
  /** By file: content that this Envoy refused. It would acknowledge the same bytes when it reads them again. */
  readonly #refused = new Map<string, Map<string, string>>();
  /**
   * Everything in the directory. What is not published any more stays until Envoy ends: listeners that drain go on
   * reading their files, for minutes, and complain about each that is gone.
   */
  #texts: ReadonlyMap<string, string> = new Map();
  #good: readonly EdgeFile[] | undefined;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** What Envoy has last taken as a whole. */
  get good(): readonly EdgeFile[] | undefined {
    return this.#good;
  }

  /** Puts files in place for an Envoy that is not running: it must find them when it starts. */
  async prepare(files: readonly EdgeFile[]): Promise<void> {
    this.#acknowledged.clear();
    this.#refused.clear();
    this.#number += 1;
    this.#texts = new Map();
    await this.#place(this.#versions(files));
  }

  /** After `prepare` and the start of Envoy. Throws the signal's reason when Envoy ends meanwhile. */
  async started(files: readonly EdgeFile[], envoy: EnvoyProcess, signal: AbortSignal): Promise<Publication> {
    const written = this.#versions(files);
    const waiting = {
      admin: envoy.admin,
      log: envoy.log,
      before: nothingBefore,
      expected: expectedOf(files, written),
      signal,
    };
    return this.#settle({ name: 'all', files }, await waitForVersions(waiting), { envoy, signal, written });
  }

  /** Takes Envoy to `files`, or back to where it was. Throws the signal's reason when Envoy ends meanwhile. */
  async publish(files: readonly EdgeFile[], envoy: EnvoyProcess, signal: AbortSignal): Promise<Publication> {
    const phases = planPhases(this.#good, files);
    const known = phases.flatMap((phase) => this.#refusedBefore(phase.files));
    if (known.length > 0) return { taken: false, refusals: known, withdrawn: true };
    for (const phase of phases) {
      const publication = await this.#write(phase, envoy, signal);
      if (publication.taken) continue;
      return { ...publication, withdrawn: await this.#withdraw(phase, envoy, signal) };
    }
    this.#good = files;
    return { taken: true };
  }

  #refusedBefore(files: readonly EdgeFile[]): readonly Refusal[] {
    return files.flatMap((file) => {
      const detail = this.#refused.get(file.name)?.get(file.hash);
      return detail === undefined ? [] : [{ file, detail }];
    });
  }

  async #withdraw(refused: Phase, envoy: EnvoyProcess, signal: AbortSignal): Promise<boolean> {
    if (this.#good === undefined) return false;
    for (const phase of planWithdrawal(refused, this.#good)) {
      const { taken } = await this.#write(phase, envoy, signal);
      if (!taken && phase.name === 'removals') return false;
    }
    return true;
  }

  async #write(phase: Phase, envoy: EnvoyProcess, signal: AbortSignal): Promise<Publication> {
    this.#number += 1;
    const written = this.#versions(phase.files);
    const before = await stateBefore(envoy.admin, envoy.log);
    signal.throwIfAborted();
    await this.#place(written);
    const changed = phase.files.filter(({ name }) => written.get(name) !== this.#acknowledged.get(name));
    const waiting = { admin: envoy.admin, log: envoy.log, before, expected: expectedOf(changed, written), signal };
    return this.#settle(phase, await waitForVersions(waiting), { envoy, signal, written });
  }

  async #place(written: ReadonlyMap<string, Written>): Promise<void> {
    this.#texts = new Map([...this.#texts, ...[...written].map(([name, { text }]) => [name, text] as const)]);
    await writeAtomically(this.#directory, this.#texts);
  }

  /** Unchanged files keep their version: Envoy passes over content that it has, and counts nothing for it. */
  #versions(files: readonly EdgeFile[]): ReadonlyMap<string, Written> {
    return new Map(
      files.map((file) => {
        const known = this.#acknowledged.get(file.name);
        if (known?.hash === file.hash) return [file.name, known];
        const version = `${file.hash}.${this.#number}`;
        return [file.name, { hash: file.hash, version, text: file.text(version) }];
      }),
    );
  }

  async #settle(phase: Phase, answer: Acknowledgement, { envoy, signal, written }: Round): Promise<Publication> {
    const names = new Set(phase.files.map(({ name }) => name));
    if (answer.acknowledged) {
      for (const name of this.#acknowledged.keys()) if (!names.has(name)) this.#acknowledged.delete(name);
      for (const [name, file] of written) this.#acknowledged.set(name, file);
      await untilWarm(envoy, signal);
      if (phase.name === 'all') this.#good = phase.files;
      return { taken: true };
    }
    const details = new Map(answer.rejected.map(({ subscription: root, detail }) => [root, detail]));
    const open = new Set([...details.keys(), ...answer.pending]);
    for (const file of phase.files)
      this.#note(file, { open: open.has(rootOf(file)), detail: details.get(rootOf(file)), written });
    const rejected = phase.files.filter((file) => details.has(rootOf(file)));
    const blamed = rejected.length > 0 ? rejected : phase.files.filter((file) => open.has(rootOf(file)));
    const refusals = blamed.map((file) => ({ file, detail: details.get(rootOf(file)) ?? '' }));
    return { taken: false, refusals, withdrawn: false };
  }

  /** What is known of one file after a phase that was not taken as a whole. */
  #note(file: EdgeFile, { open, detail, written }: Noted): void {
    const now = written.get(file.name);
    if (!open && now !== undefined) this.#acknowledged.set(file.name, now);
    if (!open) return;
    const { kind } = file.subscription;
    // Clusters and listeners are taken one by one, so that Envoy has neither the old file nor the new one.
    if (detail === undefined || kind === 'lds' || kind === 'cds') this.#acknowledged.delete(file.name);
    if (detail === undefined || (kind !== 'ecds' && kind !== 'sds')) return;
    const refused = this.#refused.get(file.name) ?? new Map<string, string>();
    this.#refused.set(file.name, refused.set(file.hash, detail));
  }
}

interface Round {
  readonly envoy: EnvoyProcess;
  readonly signal: AbortSignal;
  readonly written: ReadonlyMap<string, Written>;
}

interface Noted {
  /** Neither taken nor left as it was, as far as is known. */
  readonly open: boolean;
  readonly detail: string | undefined;
  readonly written: ReadonlyMap<string, Written>;
}

function expectedOf(files: readonly EdgeFile[], written: ReadonlyMap<string, Written>): ReadonlyMap<string, string> {
  return new Map(
    files.flatMap((file) => {
      const version = written.get(file.name)?.version;
      return version === undefined ? [] : [[rootOf(file), version] as const];
    }),
  );
}

function rootOf({ subscription: reader }: EdgeFile): string {
  switch (reader.kind) {
    case 'lds':
    case 'cds':
      return subscription[reader.kind];
    case 'rds':
      return subscription.rds(reader.name, reader.name);
    case 'ecds':
    case 'sds':
      return subscription[reader.kind](reader.name);
  }
}

/** Acknowledged is not yet serving: a new cluster may be looking up names, a listener waiting for its files. */
async function untilWarm({ admin }: EnvoyProcess, signal: AbortSignal): Promise<void> {
  const gauges = '^(listener_manager\\.total_listeners_warming|cluster_manager\\.warming_clusters)$';
  const deadline = performance.now() + warmingLimitMs;
  while (performance.now() < deadline) {
    signal.throwIfAborted();
    const warming = await admin.stats(gauges, 'Gauges').catch(() => new Map([['', 1]]));
    if ([...warming.values()].every((count) => Number(count) === 0)) return;
    await sleep(10);
  }
}
