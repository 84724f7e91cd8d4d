/** e2e/gitops/judge: the code of Flux, kstatus and Argo CD's Lua, asked by tests. */
import { execFile, execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { KubeObject } from '../../../src/kube/object.ts';
import { type GoProgram, goProgram, judges } from '../../tools/go-program.ts';

export const root = join(import.meta.dirname, '../../..');

/** Builds it on first use. */
export function buildJudge(): Promise<GoProgram> {
  return goProgram(judges.gitops);
}

/** Of one object. `health` is by the health check expressions of its kind, where a file has any. */
export interface StatusVerdict {
  readonly rules: 'done' | 'in progress';
  readonly fails: readonly string[];
  readonly warns: readonly string[];
  readonly kstatus: string;
  readonly message: string;
  readonly health?: string;
}

/** In the order of the objects. `healthChecks` is the path of a file with a Flux Kustomization. */
export function judgeStatuses(
  binary: string,
  objects: readonly KubeObject[],
  healthChecks?: string,
): readonly StatusVerdict[] {
  return ask(binary, ['statuses', ...(healthChecks === undefined ? [] : [join(root, healthChecks)])], objects);
}

export interface Health {
  readonly status: string;
  readonly message: string;
}

/** What a script for Argo CD says of each object. */
export function judgeHealth(binary: string, script: string, objects: readonly KubeObject[]): readonly Health[] {
  return ask(
    binary,
    ['health'],
    objects.map((object) => ({ script, object })),
  );
}

export interface HealthTest {
  readonly path: string;
  readonly expected: Health;
  readonly found: Health;
}

/** Runs every health_test.yaml below a folder. */
export function runHealthTests(binary: string, folder: string): readonly HealthTest[] {
  const output = execFileSync(binary, ['health', '--tests', join(root, folder)], { encoding: 'utf8' });
  return JSON.parse(output) as readonly HealthTest[];
}

function ask<T>(binary: string, parameters: readonly string[], questions: readonly object[]): readonly T[] {
  const input = questions.map((question) => `${JSON.stringify(question)}\n`).join('');
  const output = execFileSync(binary, parameters, { input, encoding: 'utf8', maxBuffer: 1 << 28, timeout: 60_000 });
  const answers = output.split('\n').filter((line) => line !== '');
  if (answers.length !== questions.length)
    throw new Error(`${answers.length} answers to ${questions.length} questions`);
  return answers.map((line) => JSON.parse(line) as T);
}

/** A patch of Flux (kustomize): JSON 6902 operations on what `target` selects. */
export interface Patch {
  readonly target: Readonly<Record<string, string>>;
  readonly patch: string;
}

export interface SyncRequest {
  readonly kubeconfig: string;
  /** Folder of each GitRepository. */
  readonly sources: Readonly<Record<string, string>>;
  readonly root: { readonly source: string; readonly path: string };
  /** Added to every Kustomization. */
  readonly patches?: readonly Patch[];
  /** Kustomizations that count as ready. */
  readonly skip?: readonly string[];
  readonly inventories?: Readonly<Record<string, readonly string[]>>;
  readonly helm?: string;
  readonly timeoutSeconds?: number;
}

export interface Synced {
  readonly name: string;
  /** Why it is not ready. */
  readonly error?: string;
  /** created, configured, unchanged, skipped or deleted, by `Kind/namespace/name`. */
  readonly changes: Readonly<Record<string, string>>;
  readonly drift: readonly string[];
  readonly inventory: readonly string[];
  readonly seconds: number;
}

/** One round of kustomize-controller over a tree, by name; in the order in which they were done. */
export async function sync(binary: string, request: SyncRequest): Promise<ReadonlyMap<string, Synced>> {
  const running = promisify(execFile)(binary, ['flux'], { maxBuffer: 1 << 28, timeout: 300_000 });
  running.child.stdin?.end(JSON.stringify(request));
  const { stdout } = await running;
  const { kustomizations } = JSON.parse(stdout) as { readonly kustomizations: readonly Synced[] };
  return new Map(kustomizations.map((one) => [one.name, one]));
}
