/** What a person sees while the tests run (stderr): aligned lines, one a stage, and what runs right now. */
import process from 'node:process';
import { styleText } from 'node:util';

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export function sum(all: readonly Counts[]): Counts {
  return {
    passed: all.reduce((total, counts) => total + counts.passed, 0),
    failed: all.reduce((total, counts) => total + counts.failed, 0),
    skipped: all.reduce((total, counts) => total + counts.skipped, 0),
  };
}

export function summary(counts: Counts): string {
  return `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`;
}

/** `unit        12 passed    0 failed    0 skipped     3.2 s` */
export function resultLine(name: string, counts: Counts, seconds: number): string {
  const cell = (count: number, word: string) => `${String(count).padStart(5)} ${word}`;
  const cells = [cell(counts.passed, 'passed'), cell(counts.failed, 'failed'), cell(counts.skipped, 'skipped')];
  return `${name.padEnd(10)}${cells.join(' ')} ${seconds.toFixed(1).padStart(7)} s`;
}

/** On a terminal one line that keeps changing shows what runs; elsewhere (a log) each stage says that it starts. */
export class Progress {
  readonly #running = new Map<string, { readonly since: number; filesDone: number }>();
  readonly #terminal = process.stderr.isTTY === true;
  #timer: NodeJS.Timeout | undefined;

  start(name: string): void {
    this.#running.set(name, { since: performance.now(), filesDone: 0 });
    if (!this.#terminal) process.stderr.write(`${name.padEnd(10)}  ...\n`);
    else this.#timer ??= setInterval(() => this.#draw(), 200);
  }

  /** jest prints PASS or FAIL before each file that it has done. */
  output(name: string, text: string): void {
    const stage = this.#running.get(name);
    if (stage !== undefined) stage.filesDone += text.match(/^(PASS|FAIL)\s/gm)?.length ?? 0;
  }

  finish(name: string, counts: Counts): void {
    const since = this.#running.get(name)?.since ?? performance.now();
    this.#running.delete(name);
    const line = resultLine(name, counts, (performance.now() - since) / 1000);
    const color = counts.failed > 0 ? 'red' : counts.skipped > 0 ? 'yellow' : 'green';
    this.say(styleText(color, line, { stream: process.stderr }));
    if (this.#running.size === 0) this.stop();
  }

  /** Lines that stay, above the changing one. */
  say(text: string): void {
    process.stderr.write(`${this.#terminal ? '\r\u001b[K' : ''}${text}\n`);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (this.#terminal) process.stderr.write('\r\u001b[K');
  }

  #draw(): void {
    const parts = [...this.#running].map(([name, { since, filesDone }]) => {
      const files = filesDone > 0 ? `, ${filesDone} files` : '';
      return `${name} ${((performance.now() - since) / 1000).toFixed(0)} s${files}`;
    });
    process.stderr.write(`\r\u001b[K${parts.join('   ').slice(0, (process.stderr.columns ?? 80) - 1)}`);
  }
}
