/** `evengate diff`: what a change of manifests does to traffic. */

import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { textReport } from '../findings.ts';
import type { Io } from '../io.ts';
import { complain, showNotes } from '../load.ts';
import { jsonDiff } from './json.ts';
import { markdownDiff } from './markdown.ts';
import { diffOf, hasChanged } from './model.ts';
import { type DiffSource, Incomparable, readSides, type Sides } from './sources.ts';
import { textDiff } from './text.ts';

export interface DiffOptions extends DiffSource {
  readonly output?: 'text' | 'markdown' | 'json';
  readonly all?: boolean;
}

export async function diff(options: DiffOptions, io: Io): Promise<ExitCode> {
  let sides: Sides;
  try {
    sides = await readSides(options, io);
  } catch (error) {
    if (!(error instanceof Incomparable)) throw error;
    for (const { findings } of error.sides) io.stderr.write(textReport(findings, io.stderr));
    complain(io, error.message);
    return exitCodes.unusable;
  }
  const { output = 'text', all = false, against } = options;
  const found = diffOf(sides.before, sides.after);
  if (output === 'json') io.stdout.write(jsonDiff(found, against, sides.notes));
  if (output === 'markdown') io.stdout.write(markdownDiff(found, all, sides.notes));
  if (output === 'text') {
    showNotes(io, sides.notes);
    io.stdout.write(textDiff(found, all, io.stdout));
  }
  return hasChanged(found) ? exitCodes.findings : exitCodes.done;
}
