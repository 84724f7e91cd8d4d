/** Two rules that match exactly the same requests: the second never answers, and its author should hear of it. */
import type { Gateway, RouteEntry } from '../ir/gateway.ts';
import { describeRef } from '../kube/object.ts';
import type { Finding } from '../status/finding.ts';
import { distinct } from './findings.ts';

/** Once for each match, on however many hosts. */
export function conflictsAt(gateways: readonly Gateway[]): readonly Finding[] {
  const found = gateways.flatMap(({ chains }) =>
    chains.flatMap(({ virtualHosts }) => virtualHosts.flatMap(({ conflicts }) => conflicts)),
  );
  return found.length === 0 ? found : distinct(found);
}

/** `entries` of one host, in order of precedence. */
export function conflictsOf(entries: readonly RouteEntry[]): readonly Finding[] {
  if (entries.length < 2) return [];
  const first = new Map<string, RouteEntry>();
  const findings: Finding[] = [];
  for (const entry of entries) {
    const key = matchKey(entry);
    const winner = first.get(key);
    if (winner === undefined) first.set(key, entry);
    else findings.push(neverAnswers(entry, winner));
  }
  return findings;
}

function matchKey({ match: { path, method, headers, queryParams } }: RouteEntry): string {
  const plain = headers.length === 0 && queryParams.length === 0;
  return `${path.type} ${path.value} ${method ?? ''}${plain ? '' : ` ${JSON.stringify([headers, queryParams])}`}`;
}

function neverAnswers({ rule, matchIndex }: RouteEntry, winner: RouteEntry): Finding {
  const by = winner.rule.route;
  const own = by.namespace === rule.route.namespace && by.name === rule.route.name;
  return {
    about: rule.route,
    severity: 'warning',
    reason: 'Conflicted',
    at: `spec.rules[${rule.index}].matches[${matchIndex}]`,
    message: `rule ${rule.name} never answers what this matches on a host that it serves: rule ${winner.rule.name} of ${own ? 'the same Route' : describeRef(by)} matches the same and comes first`,
    remedy: own
      ? 'Remove one of them, or match more narrowly'
      : 'Match more narrowly, or agree on who owns the host: of equal matches the first by namespace and name answers',
  };
}
