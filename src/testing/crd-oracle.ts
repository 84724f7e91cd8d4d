/**
 * The API server's own Go code as judge of CRDs and objects (`e2e/crd-oracle`), built on first use into `.cache/` under
 * the hash of its sources.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { requirePart } from './parts.ts';

const root = join(import.meta.dirname, '../..');
const source = join(root, 'e2e/crd-oracle');
/** Compiling all of it takes a machine of two cores minutes. */
const buildLimit = 900_000;
const answerLimit = 120_000;

/** `crd` is the name of a CRD in `crds/`; without `object`, the CRD itself is asked about. */
export interface Question {
  readonly crd: string;
  readonly object?: object;
}

/** No `errors` means accepted, and `stored` is what readers get back then: a null where none is allowed counts as absent. */
export interface Verdict {
  readonly errors: readonly string[];
  readonly stored?: { readonly spec: unknown };
}

export type CrdOracle = { readonly binary: string } | { readonly skip: string };

/** `skip` says why there is none; throws when it does not compile, or when EVENGATE_REQUIRE names `go`. */
export function crdOracle(): CrdOracle {
  const binary = join(root, '.cache/crd-oracle', sourceHash(), 'crd-oracle');
  if (existsSync(binary)) return { binary };
  const missing = whatIsMissing();
  if (missing !== undefined) {
    requirePart('go', missing);
    return { skip: missing };
  }
  mkdirSync(join(binary, '..'), { recursive: true });
  // Two runs may build at once, and neither may run half a program.
  const unfinished = `${binary}.${process.pid}`;
  const built = go(['build', '-ldflags=-s -w', '-o', unfinished, '.']);
  if (built.status !== 0) throw new Error(`e2e/crd-oracle does not compile: ${built.stderr}`);
  renameSync(unfinished, binary);
  return { binary };
}

/** One process for all questions; verdicts in their order. Throws when it fails. */
export function judge(binary: string, questions: readonly Question[]): readonly Verdict[] {
  const input = questions.map((question) => `${JSON.stringify(question)}\n`).join('');
  const options = { input, encoding: 'utf8', timeout: answerLimit, maxBuffer: 1 << 28 } as const;
  const output = execFileSync(binary, globSync(join(root, 'crds/*.yaml')), options);
  const verdicts = output.split('\n').filter((line) => line !== '');
  if (verdicts.length !== questions.length)
    throw new Error(`${verdicts.length} verdicts on ${questions.length} questions`);
  return verdicts.map((line) => JSON.parse(line) as Verdict);
}

function sourceHash(): string {
  const hash = createHash('sha256');
  for (const path of globSync(['*.go', 'go.*'], { cwd: source }).sort()) {
    hash.update(`${path}\n`).update(readFileSync(join(source, path)));
  }
  return hash.digest('hex').slice(0, 16);
}

function whatIsMissing(): string | undefined {
  const listed = go(['list', '-deps', '.']);
  if (listed.error !== undefined)
    return 'there is no go command; install Go, at least the version in e2e/crd-oracle/go.mod';
  if (listed.status === 0) return undefined;
  const [said = ''] = listed.stderr.trim().split('\n').slice(-1);
  return `go cannot list what e2e/crd-oracle imports: ${said}; install the Go of its go.mod, and let it reach its module proxy`;
}

function go(parameters: readonly string[]): {
  readonly status: number | null;
  readonly stderr: string;
  readonly error?: Error;
} {
  const flags = { GOFLAGS: '-mod=readonly', CGO_ENABLED: '0' };
  const env = { ...process.env, ...flags };
  return spawnSync('go', parameters, { cwd: source, env, encoding: 'utf8', timeout: buildLimit, maxBuffer: 1 << 26 });
}
