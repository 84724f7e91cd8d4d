/** Writes what a command made, to stdout or one file each. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { codeOf } from '../controllers/manifests/scan.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import type { Io } from './io.ts';
import { complain } from './load.ts';

export interface TextFile {
  /** Below the folder that the user named; `/` parts folders. */
  readonly path: string;
  readonly text: string;
}

/** YAML documents on stdout, or below `directory`, where files of other names stay as they are. */
export async function writeFiles(files: readonly TextFile[], directory: string | undefined, io: Io): Promise<ExitCode> {
  if (directory === undefined) {
    for (const { text } of files) io.stdout.write(`---\n${text}`);
    return exitCodes.done;
  }
  try {
    for (const folder of new Set(files.map(({ path }) => dirname(join(directory, path))))) {
      await mkdir(folder, { recursive: true });
    }
    for (const { path, text } of files) await writeFile(join(directory, path), text);
  } catch (error) {
    complain(io, `cannot write to ${directory} (${codeOf(error)}); name a folder that this user may write to with -o`);
    return exitCodes.unusable;
  }
  io.stderr.write(`${files.length} files in ${directory}\n`);
  return exitCodes.done;
}
