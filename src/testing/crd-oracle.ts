/** The API server's own Go code (`e2e/crd-oracle`) as judge of CRDs and objects. */
import { execFileSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');
const answerLimit = 120_000;

/** `crd` is the name of a CRD of `files`; without `object`, the CRD itself is asked about. */
export interface Question {
  readonly crd: string;
  readonly object?: object;
}

/** No `errors` means accepted, and `stored` is what readers get back then: a null where none is allowed counts as absent. */
export interface Verdict {
  readonly errors: readonly string[];
  readonly stored?: { readonly spec: unknown };
}

/** One process for all questions; verdicts in their order. `files` hold a CRD of one version each. Throws when it fails. */
export function judge(
  binary: string,
  questions: readonly Question[],
  files: readonly string[] = globSync(join(root, 'crds/*.yaml')),
): readonly Verdict[] {
  const input = questions.map((question) => `${JSON.stringify(question)}\n`).join('');
  const options = { input, encoding: 'utf8', timeout: answerLimit, maxBuffer: 1 << 28 } as const;
  const output = execFileSync(binary, files, options);
  const verdicts = output.split('\n').filter((line) => line !== '');
  if (verdicts.length !== questions.length)
    throw new Error(`${verdicts.length} verdicts on ${questions.length} questions`);
  return verdicts.map((line) => JSON.parse(line) as Verdict);
}
