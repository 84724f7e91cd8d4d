/**
 * Parts of the test world that some machines lack. A test that cannot run says so through `requirePart`, loudly:
 * `npm test` prints every reason at its end, and EVENGATE_REQUIRE=envoy,… turns the skip into a failure.
 */
import { appendFileSync } from 'node:fs';
import process from 'node:process';

export const partNames = ['envoy', 'root', 'cluster', 'istio', 'go', 'buildah'] as const;
export type Part = (typeof partNames)[number];

type Environment = Readonly<Record<string, string | undefined>>;

/** The parts named by EVENGATE_REQUIRE (comma list). Throws on a name that no test knows: a typo must not skip. */
export function requiredParts(environment: Environment = process.env): readonly Part[] {
  const names = (environment['EVENGATE_REQUIRE'] ?? '').split(',').map((name) => name.trim());
  return names.filter((name) => name !== '').map(knownPart);
}

function knownPart(name: string): Part {
  const part = partNames.find((known) => known === name);
  if (part === undefined) {
    throw new Error(`EVENGATE_REQUIRE names "${name}", which is no part of the tests; known: ${partNames.join(', ')}`);
  }
  return part;
}

/**
 * Call it when `part` cannot run here; `reason` is one sentence with the remedy. Returns when the caller may use
 * `test.skip`; throws Error(reason) when the part is required.
 */
export function requirePart(part: Part, reason: string, environment: Environment = process.env): void {
  if (requiredParts(environment).includes(part)) throw new Error(`${part} is required, but ${reason}`);
  const log = environment['EVENGATE_SKIP_LOG'];
  // Outside `npm test` there is no log; a plain jest run still has to say why it skips.
  if (log === undefined) process.stderr.write(`skipped, ${part}: ${reason}\n`);
  else appendFileSync(log, `${part}: ${reason.replaceAll(/\s*\n\s*/g, ' ')}\n`);
}
