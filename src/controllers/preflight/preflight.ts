/** Keeps the operator from beginning while something is in its way, and says so; looks again when the API server refuses. */
import { BackOff } from '../../runtime/back-off.ts';
import type { CallRecord } from '../../runtime/calls.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Component } from '../../runtime/component-group.ts';
import type { Election } from '../../runtime/leader.ts';
import type { Log } from '../../runtime/logger.ts';
import { pause } from '../../runtime/signals.ts';
import { type CheckName, checks, type Finding, type Level } from './finding.ts';

export interface PreflightOptions {
  readonly examine: (signal: AbortSignal) => Promise<readonly Finding[]>;
  readonly clock: Clock;
  readonly log: Log;
  /** Told after each look, of every check. */
  readonly measured: (check: CheckName, problems: number) => void;
}

/** What is logged, and how. */
const levels: Partial<Record<Level, 'error' | 'warn' | 'info'>> = {
  problem: 'error',
  warning: 'warn',
  info: 'info',
  unknown: 'info',
};

/** GitOps applies in any order: what is missing is soon there. */
const backOff = { firstMs: 500, longestMs: 10_000 };
/** Refusals have other causes too, such as quotas: they are no reason to look at everything each time. */
const calmMs = 30_000;
/** Two that found each other do not try again at the same time. */
const yieldMs = 5000;

export class Preflight {
  readonly #options: PreflightOptions;
  /** What was said of, by its sentence. Undefined before the first look. */
  #told: ReadonlyMap<string, Finding> | undefined;
  #suspect: (() => void) | undefined;

  constructor(options: PreflightOptions) {
    this.#options = options;
    for (const check of checks) options.measured(check, 0);
  }

  /** Resolves when nothing is in the way any more, or with the signal. */
  async pass(stop: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    const begin = clock.monotonic();
    const delays = new BackOff(clock, backOff);
    for (let before = ''; !stop.aborted; ) {
      const problems = await this.#look(stop);
      if (problems.length === 0) {
        log.info('preflight checks passed', { ms: Math.round(clock.monotonic() - begin) });
        return;
      }
      const now = problems.map(({ said }) => said).join('\n');
      if (now !== before) delays.reset();
      before = now;
      await pause(clock, delays.next(), stop);
    }
  }

  /** For a Manager: looks again after a refusal. */
  component(): Component {
    return {
      name: 'preflight',
      run: async (stop) => {
        while (!stop.aborted) {
          await this.#refusal(stop);
          if (!stop.aborted && (await this.#look(stop)).length > 0) await this.pass(stop);
          await pause(this.#options.clock, calmMs, stop);
        }
      },
    };
  }

  /** Told of every call, it looks for the reason of what was refused. */
  observe({ code, verb, type }: Pick<CallRecord, 'code' | 'verb' | 'type'>): void {
    const missing = code === 404 && (verb === 'list' || verb === 'watch');
    // Who lives without Gateway API or the labels of namespaces is refused often; and our own questions are no news.
    const usual =
      ['ReferenceGrant', 'Namespace', 'Lease'].includes(type?.kind ?? '') || type?.group === 'authorization.k8s.io';
    if ((code === 401 || code === 403 || missing) && !usual) this.#suspect?.();
  }

  /** Of /readyz. */
  unready(): string | undefined {
    if (this.#told === undefined) return 'not looked yet';
    const problems = [...this.#told.values()].filter(isProblem);
    return problems.length === 0 ? undefined : problems.map(wordsOf).join('; ');
  }

  /** The same election, but who has won looks once more before it leads, and gives the lease back when another operator leads. */
  guard(election: Election): Election {
    return {
      holds: () => election.holds(),
      run: async (lead, stop) => {
        let led = false;
        while (!led && !stop.aborted) {
          await election.run(async (lost) => {
            led = (await this.#look(AbortSignal.any([lost, stop]))).length === 0;
            if (led) await lead(lost);
          }, stop);
          if (led || !(await pause(this.#options.clock, yieldMs * (1 + this.#options.clock.random()), stop))) return;
          await this.pass(stop);
        }
      },
    };
  }

  async #refusal(stop: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const end = () => resolve();
    this.#suspect = end;
    stop.addEventListener('abort', end);
    await promise;
    stop.removeEventListener('abort', end);
  }

  /** One look; what it finds is told where it is new or gone. */
  async #look(stop: AbortSignal): Promise<readonly Finding[]> {
    let findings: readonly Finding[];
    try {
      findings = await this.#options.examine(stop);
    } catch (error) {
      if (stop.aborted) return [];
      throw error;
    }
    this.#tell(findings);
    return findings.filter(isProblem);
  }

  #tell(findings: readonly Finding[]): void {
    const { log } = this.#options;
    const told = this.#told ?? new Map<string, Finding>();
    const worth = findings.filter(({ level }) => level in levels);
    this.#told = new Map(worth.map((finding) => [finding.said, finding]));
    for (const { check, level, said, remedy } of worth) {
      if (!told.has(said)) log[levels[level] ?? 'info'](said, { check, remedy });
    }
    for (const { check, said } of told.values()) {
      if (!this.#told.has(said)) log.info('no longer so', { check, was: said });
    }
    for (const check of checks) {
      const problems = findings.filter((finding) => finding.check === check && isProblem(finding));
      this.#options.measured(check, problems.length);
    }
  }
}

export function isProblem({ level }: Finding): boolean {
  return level === 'problem';
}

/** The sentence with what to do. */
export function wordsOf({ said, remedy }: Finding): string {
  return remedy === undefined ? said : `${said} (${remedy})`;
}
