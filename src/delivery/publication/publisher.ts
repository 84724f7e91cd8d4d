/**
 * Brings Envoys from what they serve to what they shall serve: phase by phase, each believed only when it is acknowledged,
 * and back when it is refused. Where the files lie, and which Envoys there are, is the target's business.
 */
import type { EdgeFile } from '../../render/edge.ts';
import { type Content, filesOf, type Refusal, successor } from './content.ts';
import { type Phase, planPhases, planWithdrawal } from './phases.ts';
import type { RefusedContent } from './refused.ts';

export type Answer =
  | { readonly taken: true }
  /** Without refusals it is not known why. */
  | { readonly taken: false; readonly refusals: readonly Refusal[] };

export interface Target {
  /** False while no Envoy serves anybody: then no order needs keeping. */
  serving(): boolean;
  /** Whether one Envoy at least has taken it, so that it can be returned to. */
  isServed(content: Content): boolean;
  /**
   * Called before the first of some phases is placed, while the Envoys serve `content`. Throws when one of them cannot
   * be placed.
   */
  begin(phases: readonly Phase[], content: Content, signal: AbortSignal): Promise<void>;
  /** Makes `content` all that Envoys find. When it throws, what is in place must be restored from where it lies. */
  place(content: Content, signal: AbortSignal): Promise<void>;
  /** Whether the Envoys that count have taken what was placed last. Cheap when they are known to have. */
  settle(content: Content, signal: AbortSignal): Promise<Answer>;
}

/** A span around some work, as `runtime` has them. */
export type Trace = <T>(
  name: string,
  attributes: Readonly<Record<string, string | number | boolean>>,
  work: (span: { set(attributes: Readonly<Record<string, string | number | boolean>>): void }) => Promise<T>,
) => Promise<T>;

const untraced: Trace = (_name, _attributes, work) => work({ set: () => undefined });

export type Publication =
  | { readonly taken: true }
  | {
      readonly taken: false;
      readonly refusals: readonly Refusal[];
      /** The Envoys are back where they were. */
      readonly withdrawn: boolean;
    };

/** What is in place, and what is known of it. */
export interface State {
  readonly content: Content;
  /** Taken as a whole, and last. */
  readonly good: readonly EdgeFile[] | undefined;
  /** The highest number that any version has. */
  readonly number: number;
}

const nothing: State = { content: new Map(), good: undefined, number: 0 };

export class Publisher {
  readonly #target: Target;
  readonly #refused: RefusedContent;
  readonly #trace: Trace;
  #state: State = nothing;

  constructor(target: Target, refused: RefusedContent, trace: Trace = untraced) {
    this.#target = target;
    this.#refused = refused;
    this.#trace = trace;
  }

  get state(): State {
    return this.#state;
  }

  /** For what another process has left, or a write whose outcome is not known. */
  restore(state: State): void {
    this.#state = { ...state, number: Math.max(state.number, this.#state.number) };
  }

  /** Puts files in place for Envoys that are not running: they must find them when they start. */
  async prepare(files: readonly EdgeFile[], signal: AbortSignal): Promise<void> {
    this.#refused.clear();
    await this.#place(files, signal);
  }

  /** Takes the Envoys to `files`, or back to where they were. */
  async publish(files: readonly EdgeFile[], signal: AbortSignal): Promise<Publication> {
    const refusals = await this.#settled(signal);
    const phases = this.#plan(files);
    const known = this.#refused.among(this.#changed(phases));
    if (known.length > 0) return { taken: false, refusals: known, withdrawn: true };
    if (phases.length > 0) return this.#run(phases, refusals.length === 0 || this.#isGood(), signal);
    if (refusals.length > 0) return { taken: false, refusals, withdrawn: false };
    this.#keep();
    return { taken: true };
  }

  async #run(phases: readonly Phase[], sound: boolean, signal: AbortSignal): Promise<Publication> {
    const { content } = this.#state;
    await this.#target.begin(phases, content, signal);
    for (const phase of phases) {
      const answer = await this.#tell(phase, signal);
      if (answer.taken) continue;
      return { ...answer, withdrawn: sound && (await this.#withdraw(phase, filesOf(content), signal)) };
    }
    this.#keep();
    return { taken: true };
  }

  /** What is in place is the last good. */
  #keep(): void {
    const { content } = this.#state;
    if (this.#target.isServed(content)) this.#state = { ...this.#state, good: filesOf(content) };
  }

  #changed(phases: readonly Phase[]): readonly EdgeFile[] {
    const { content } = this.#state;
    return phases.flatMap(({ files }) => files.filter(({ name, hash }) => content.get(name)?.file.hash !== hash));
  }

  #isGood(): boolean {
    const { content, good } = this.#state;
    return good?.length === content.size && good.every(({ name, hash }) => content.get(name)?.file.hash === hash);
  }

  #plan(files: readonly EdgeFile[]): readonly Phase[] {
    const basis = filesOf(this.#state.content);
    const phases = planPhases(basis.length === 0 ? undefined : basis, files);
    return phases.length > 0 && !this.#target.serving() ? [{ name: 'all', files }] : phases;
  }

  /**
   * What an earlier call, or an earlier process, has left half way is waited for, or withdrawn, before the next step.
   * Returns why it is still in place although an Envoy refused it.
   */
  async #settled(signal: AbortSignal): Promise<readonly Refusal[]> {
    const { content, good } = this.#state;
    if (content.size === 0) return [];
    const answer = await this.#target.settle(content, signal);
    if (answer.taken) return [];
    this.#remember(answer.refusals);
    if (good === undefined || this.#isGood()) return answer.refusals;
    const onlyRoutes = answer.refusals.length > 0 && answer.refusals.every(({ file }) => isRoutes(file));
    const phase: Phase = { name: onlyRoutes ? 'routes' : 'all', files: filesOf(content) };
    return (await this.#withdraw(phase, good, signal)) ? [] : answer.refusals;
  }

  async #withdraw(refused: Phase, back: readonly EdgeFile[], signal: AbortSignal): Promise<boolean> {
    if (back.length === 0) return false;
    for (const phase of planWithdrawal(refused, back)) {
      const { taken } = await this.#tell(phase, signal);
      if (!taken && phase.name === 'removals') return false;
    }
    return true;
  }

  async #tell({ name, files }: Phase, signal: AbortSignal): Promise<Answer> {
    return await this.#trace(`phase ${name}`, { 'evengate.files': files.length }, async (span) => {
      await this.#trace('place', {}, () => this.#place(files, signal));
      const answer = await this.#trace('acknowledge', {}, () => this.#target.settle(this.#state.content, signal));
      span.set({ 'evengate.taken': answer.taken });
      if (!answer.taken) this.#remember(answer.refusals);
      return answer;
    });
  }

  async #place(files: readonly EdgeFile[], signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const number = this.#state.number + 1;
    const content = successor(this.#state.content, files, number);
    // From here on the number counts as used, whatever becomes of the write.
    this.#state = { ...this.#state, number };
    await this.#target.place(content, signal);
    this.#state = { ...this.#state, content };
  }

  #remember(refusals: readonly Refusal[]): void {
    for (const refusal of refusals) this.#refused.add(refusal);
  }
}

function isRoutes({ subscription: { kind } }: EdgeFile): boolean {
  return kind === 'rds';
}
