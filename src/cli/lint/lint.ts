/** `evengate lint`: everything that is wrong with manifests, or in a cluster. */
import { evengateVersion } from '../../version.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { jsonReport, type PlacedFinding, type Summary, summarise, summaryText, textReport } from '../findings.ts';
import type { Io } from '../io.ts';
import { complain, loadSource, type SourceOptions, showNotes } from '../load.ts';
import { sarifReport } from './sarif.ts';

export interface LintOptions extends SourceOptions {
  readonly strict?: boolean;
  readonly output: 'text' | 'json' | 'sarif';
}

export async function lint(options: LintOptions, io: Io): Promise<ExitCode> {
  const { set, findings, nothing, notes, namespace } = await loadSource(options, io);
  const summary = summarise(findings, set, namespace);
  io.stdout.write(report(findings, summary, options.output, io));
  if (nothing !== undefined) {
    complain(io, nothing);
    return exitCodes.unusable;
  }
  showNotes(io, notes);
  if (options.output === 'text') io.stderr.write(`${summaryText(summary)}\n`);
  if (set.problems.length > 0) return exitCodes.unusable;
  const counted = summary.errors + (options.strict === true ? summary.warnings : 0);
  return counted > 0 ? exitCodes.findings : exitCodes.done;
}

function report(findings: readonly PlacedFinding[], summary: Summary, output: LintOptions['output'], io: Io): string {
  switch (output) {
    case 'text':
      return textReport(findings, io.stdout);
    case 'json':
      return jsonReport(findings, summary);
    case 'sarif':
      return sarifReport(findings, evengateVersion());
  }
}
