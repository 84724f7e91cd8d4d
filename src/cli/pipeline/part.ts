/** Findings about a part of what a cluster holds, such as one chart: what is not in it may well be elsewhere. */
import type { Reason } from '../../status/finding.ts';
import type { PlacedFinding } from '../findings.ts';
import type { Io } from '../io.ts';

export interface PartOptions {
  /** Warnings count as errors. */
  readonly strict?: boolean;
  /** All that is referred to is in the input, too: what is missing is an error. */
  readonly complete?: boolean;
}

/** Reasons of a reference; with them, `does not exist` speaks of the object that it names. */
const ofReferences: ReadonlySet<string> = new Set<Reason>([
  'NoMatchingParent',
  'TargetNotFound',
  'BackendNotFound',
  'InvalidCertificateRef',
  'InvalidJwks',
]);

/** With other severities where `options` ask for them: what may be elsewhere is a warning, and never more. */
export function findingsOfPart(findings: readonly PlacedFinding[], options: PartOptions): readonly PlacedFinding[] {
  return findings.map((finding) => {
    const elsewhere = ofReferences.has(finding.reason) && / does not exist\b/.test(finding.message);
    if (elsewhere && options.complete !== true) return { ...finding, severity: 'warning' };
    return options.strict === true ? { ...finding, severity: 'error' } : finding;
  });
}

/** All of stdin. Undefined when it is not UTF-8, and so could not be written again as it came. */
export async function readText(stdin: Io['stdin']): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  for await (const chunk of stdin) chunks.push(Buffer.from(chunk));
  const bytes = Buffer.concat(chunks);
  const text = bytes.toString();
  return Buffer.from(text).equals(bytes) ? text : undefined;
}
