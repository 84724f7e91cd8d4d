/** The manifests that a command was given, read and resolved. */
import type { ManifestSet } from '../controllers/manifests/assemble.ts';
import { readManifests } from '../controllers/manifests/read.ts';
import { type Resolution, resolver } from '../resolve/resolve.ts';
import { type PlacedFinding, placeFindings } from './findings.ts';
import type { Io } from './io.ts';

export interface Loaded {
  readonly set: ManifestSet;
  readonly resolution: Resolution;
  readonly findings: readonly PlacedFinding[];
  /** One sentence when there is nothing to work on at all. */
  readonly nothing: string | undefined;
}

export async function load(paths: readonly string[], io: Io): Promise<Loaded> {
  const set = await readManifests(paths, io.stdin);
  const resolution = resolver()(set.snapshot);
  const findings = placeFindings(set, resolution.findings);
  const empty = findings.length === 0 && Object.values(set.snapshot).every(({ size }) => size === 0);
  return {
    set,
    resolution,
    findings,
    nothing: empty
      ? `${paths.join(', ')}: no object that Evengate reads; name files or folders that hold some`
      : undefined,
  };
}

/** Every command's last word when it cannot go on: one sentence on stderr. */
export function complain(io: Io, sentence: string): void {
  io.stderr.write(`${io.stderr.style('red', 'evengate:')} ${sentence}.\n`);
}
