/** A difference for scripts. */
import type { Explanation } from '../../resolve/explain/types.ts';
import { statusOf } from '../../resolve/explain/types.ts';
import { jsonReport, type PlacedFinding } from '../findings.ts';
import { proofWords } from './lines.ts';
import { type Change, type Diff, effects, hasChanged, type Place, type Proof } from './model.ts';

/**
 * `{changed, against, notes, summary: {opens, shifts, closes, looser, tighter, differs, newFindings, mendedFindings},
 * changes: [{kind, effect, gateway, enforcedAt, places: [{protocol, port, host, match, before, after}],
 * differences: [{what, effect, before, after, details}], proofs: [{direction, text, request, before, after}]}],
 * gateways: [{gateway, what, name, before, after, effect}], findings: {new, mended}}`; `before` and `after` of a place are
 * `{route, rule}`, null where no rule answers, and of a proof `{status, outcome}`, null where there is no gateway.
 */
export function jsonDiff(diff: Diff, against: string, notes: readonly string[]): string {
  const all = [...diff.changes, ...diff.gateways];
  const counts = effects.map((effect) => [effect, all.filter((one) => one.effect === effect).length] as const);
  const { findings } = diff;
  const body = {
    changed: hasChanged(diff),
    against,
    notes,
    summary: {
      ...Object.fromEntries(counts),
      newFindings: findings.new.length,
      mendedFindings: findings.mended.length,
    },
    changes: diff.changes.map(changeJson),
    gateways: diff.gateways,
    findings: { new: findingsJson(findings.new), mended: findingsJson(findings.mended) },
  };
  return `${JSON.stringify(body, null, 2)}\n`;
}

function changeJson({ places, proofs, differences, ...change }: Change): object {
  return {
    ...change,
    enforcedAt: ['edge'],
    places: places.map(placeJson),
    differences,
    proofs: proofs.map(proofJson),
  };
}

function placeJson({ protocol, port, host, region, before, after }: Place): object {
  const { paths, method, headers, queryParams } = region;
  const match = { paths, method: method ?? null, headers, queryParams };
  return { protocol, port, host, match, before: before ?? null, after: after ?? null };
}

function proofJson(proof: Proof): object {
  const { direction, request, before, after } = proof;
  const { method, url, headers, clientAddress, listenerPort, token } = request;
  const claims = token?.kind === 'valid' ? token.claims : null;
  return {
    direction,
    text: proofWords(proof),
    request: { method, url, headers, clientAddress, listenerPort, claims },
    before: answerJson(before),
    after: answerJson(after),
  };
}

function answerJson(explanation: Explanation | undefined): object | null {
  if (explanation === undefined) return null;
  const { outcome } = explanation;
  return { status: statusOf(outcome) ?? null, outcome };
}

/** As `lint -o json` has them. */
function findingsJson(findings: readonly PlacedFinding[]): unknown {
  const text = jsonReport(findings, { errors: 0, warnings: 0, objects: 0 });
  return (JSON.parse(text) as { readonly findings: unknown }).findings;
}
