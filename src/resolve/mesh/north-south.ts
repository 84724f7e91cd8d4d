/** What one entry of a gateway asks of the edge's identity. */
import { expressible } from '../../ir/istio-terms.ts';
import { type Conjunction, type Decision, intersect } from '../../policy/decision.ts';
import { northSouth } from '../../policy/planes.ts';
import { eachWith } from './east-west.ts';
import { among, exactly } from './match-terms.ts';
import { isUnchanged } from './passage.ts';
import type { Reached } from './reach.ts';
import { type Sight, translate } from './translate.ts';

export interface FromEdge {
  readonly allow: readonly Conjunction[];
  /** Those that refuse nothing else of this entry than what was written. */
  readonly deny: readonly Conjunction[];
  /** The workload sees just what the edge gives it: nothing blurred, nothing moved. */
  readonly isPlain: boolean;
}

const nobody: FromEdge = { allow: [], deny: [], isPlain: true };

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
  const peer = among({ kind: 'principal' }, [exactly(identity)]);
  if (!expressible(peer)) return nobody;
  const requests = eachWith(reached.requests(), { constraints: [peer], sources: [] });
  let isPlain = exactlyTaken && isUnchanged(reached.passage);
  const through = (one: Conjunction, exact: boolean): readonly Conjunction[] =>
    requests.flatMap((request) => {
      // Before it is translated: what the edge never sends on need not be said.
      const whole = intersect(request, one);
      if (whole === 'empty') return [];
      const translated = translate(whole, reached.passage, sight);
      isPlain &&= translated.lost.length === 0;
      if (translated.conjunction === 'empty' || (exact && translated.lost.length > 0)) return [];
      return [translated.conjunction];
    });
  const admitted = allow.flatMap((projected) => through(projected.conjunction, false));
  const refused = exactlyTaken ? deny.flatMap((projected) => through(projected.conjunction, true)) : [];
  return { allow: admitted, deny: refused, isPlain };
}
