/** `evengate prove`: whether edge and mesh decide alike, and the first request that shows that they do not. */

import { onlyClass } from '../../controllers/manifests/cluster.ts';
import { type Proof, prove } from '../../proof/prove.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { textReport } from '../findings.ts';
import type { Io } from '../io.ts';
import { complain, type Loaded, load, showNotes } from '../load.ts';
import { meshKeyNotes } from '../remote-keys.ts';
import { jsonProof, textProof } from './report.ts';

export interface ProveOptions {
  readonly file: readonly string[];
  readonly strict?: boolean;
  readonly output?: 'text' | 'json';
}

export async function proveManifests(options: ProveOptions, io: Io): Promise<ExitCode> {
  const loaded = await load(options.file, io, onlyClass);
  const { set, resolution, findings, nothing } = loaded;
  // What is wrong elsewhere is lint's to say; what could not be read is not proved.
  if (set.problems.length > 0) io.stderr.write(textReport(findings, io.stderr));
  const unusable = nothing ?? nothingToProve(loaded);
  if (unusable !== undefined) {
    complain(io, unusable);
    return exitCodes.unusable;
  }
  const proof = prove(resolution, set.snapshot.Service, { onProgress: progressOn(io) });
  const keyNotes = meshKeyNotes([...resolution.mesh.workloads.values()].flatMap(({ issuers }) => issuers));
  if (options.output === 'json') io.stdout.write(jsonProof(proof, keyNotes));
  else {
    io.stdout.write(textProof(proof, io.stdout));
    showNotes(io, keyNotes);
  }
  if (set.problems.length > 0) return exitCodes.unusable;
  return isEquivalent(proof, options.strict === true) ? exitCodes.done : exitCodes.findings;
}

function nothingToProve({ resolution }: Loaded): string | undefined {
  if (resolution.mesh.workloads.size > 0) return undefined;
  const inMesh = [...resolution.gateways.values()].some(({ mesh }) => mesh !== undefined);
  return inMesh
    ? 'no workload is enforced in the mesh: no Route of an ApiGateway with spec.mesh reaches a Service with a selector'
    : 'nothing is enforced in a mesh: no ApiGateway among these manifests has spec.mesh';
}

function isEquivalent({ workloads }: Proof, strict: boolean): boolean {
  return workloads.every(({ difference, limits }) => difference === undefined && !(strict && limits.length > 0));
}

const patienceMs = 2000;

/** After two seconds, once a second. */
function progressOn(io: Io): (regions: number) => void {
  const start = Date.now();
  let told = start + patienceMs - 1000;
  return (regions) => {
    const now = Date.now();
    if (now - told < 1000) return;
    told = now;
    io.stderr.write(`${io.stderr.style('dim', `${regions.toLocaleString('en')} regions asked …`)}\n`);
  };
}
