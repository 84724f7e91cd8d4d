/** What one entry of a gateway asks of the edge's identity. */
import { expressible } from '../../ir/istio-terms.ts';
import { type Conjunction, conjunction, type Decision, intersect } from '../../policy/decision.ts';
import { northSouth } from '../../policy/planes.ts';
import { eachWith } from './east-west.ts';
import { among, exactly } from './match-terms.ts';
import { isUnchanged, type Passage } from './passage.ts';
import type { Reached } from './reach.ts';
import { type Sight, translate } from './translate.ts';

export interface FromEdge {
  readonly allow: readonly Conjunction[];
  /** Those that refuse nothing else of this entry than what was written. */
  readonly deny: readonly Conjunction[];
  /** Whatever of this door's requests is of one of these, the edge has refused: denies without the match that they stand under. */
  readonly refused: readonly Conjunction[];
  /** `deny` is all that it refuses. */
  readonly isTold: boolean;
  /** The workload sees just what the edge gives it: nothing blurred, nothing moved. */
  readonly isPlain: boolean;
}

const nobody: FromEdge = { allow: [], deny: [], refused: [], isTold: true, isPlain: true };

export function fromEdge(
  reached: Reached,
  decision: Decision,
  identity: string,
  sight: Sight,
): FromEdge | 'too-complex' {
  if (decision.allow.length === 0) return nobody;
  const taken = reached.taken();
  if (taken === 'too-complex') return taken;
  const { allow, deny } = northSouth(decision);
  const exactlyTaken = taken.opaque.length === 0;
  const atPeer = callerAt(identity);
  if (atPeer === 'empty' || !atPeer.constraints.every(expressible)) return nobody;
  const requests = eachWith(reached.requests(), atPeer);
  let isPlain = exactlyTaken && isUnchanged(reached.passage);
  let isTold = exactlyTaken || deny.length === 0;
  const through = (one: Conjunction, exact: boolean): readonly Conjunction[] =>
    requests.flatMap((request) => {
      // Before it is translated: what the edge never sends on need not be said.
      const whole = intersect(request, one);
      if (whole === 'empty') return [];
      const translated = translate(whole, reached.passage, sight);
      isPlain &&= translated.lost.length === 0;
      const isLost = exact && translated.lost.length > 0;
      isTold &&= !isLost;
      if (translated.conjunction === 'empty' || isLost) return [];
      return [translated.conjunction];
    });
  const admitted = allow.flatMap((projected) => through(projected.conjunction, false));
  const refused = exactlyTaken ? deny.flatMap((projected) => through(projected.conjunction, true)) : [];
  const anyhow = deny.flatMap(({ conjunction }) => saidWhole(intersect(conjunction, atPeer), reached.passage, sight));
  return { allow: admitted, deny: refused, refused: anyhow, isTold, isPlain };
}

const callers = new Map<string, Conjunction | 'empty'>();

/** One for each edge. */
function callerAt(identity: string): Conjunction | 'empty' {
  const caller = callers.get(identity) ?? conjunction([among({ kind: 'principal' }, [exactly(identity)])], []);
  callers.set(identity, caller);
  return caller;
}

function saidWhole(written: Conjunction | 'empty', passage: Passage, sight: Sight): readonly Conjunction[] {
  if (written === 'empty') return [];
  const { conjunction, lost } = translate(written, passage, sight);
  return conjunction === 'empty' || lost.length > 0 ? [] : [conjunction];
}
