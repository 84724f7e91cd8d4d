/** `evengate post-render`: a Helm post-renderer that changes nothing, and refuses what lint would. */
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { summarise, summaryText, textReport } from '../findings.ts';
import type { Io } from '../io.ts';
import { complain, load } from '../load.ts';
import { findingsOfPart, type PartOptions, readText } from './part.ts';

/** The manifests go on, byte by byte, only when nothing is wrong with them: whoever asked applies nothing otherwise. */
export async function postRender(options: PartOptions, io: Io): Promise<ExitCode> {
  const text = await readText(io.stdin);
  if (text === undefined) {
    complain(io, 'stdin is not UTF-8; hand over manifests as Helm renders them');
    return exitCodes.unusable;
  }
  const stdin = (async function* () {
    yield text;
  })();
  const { set, findings } = await load(['-'], { ...io, stdin });
  const counted = findingsOfPart(findings, options);
  io.stderr.write(textReport(counted, io.stderr));
  const summary = summarise(counted, set);
  if (counted.length > 0) io.stderr.write(`${summaryText(summary)}\n`);
  if (set.problems.length > 0) return exitCodes.unusable;
  if (summary.errors > 0) return exitCodes.findings;
  io.stdout.write(text);
  return exitCodes.done;
}
