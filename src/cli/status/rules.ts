/** Rules of Routes in a status: what they answer, and who stands in their way. Pure. */

import { noAccess } from '../../features/secret-access.ts';
import type { RouteEntry } from '../../ir/gateway.ts';
import { type Condition, describeRef } from '../../kube/object.ts';
import { accessWords, limitWords, matchWords, targetWords } from '../explain/route-words.ts';

export interface StatusNode {
  readonly kind: 'ApiGateway' | 'Pod' | 'Listener' | 'Route' | 'Rule' | 'AuthPolicy' | 'RateLimitPolicy';
  /** `shop/orders` of an object, else its own name. */
  readonly name: string;
  readonly ready: Condition['status'];
  /** What it is, in a few words. */
  readonly about: string;
  /** What stands in the way, and what to do about it: sentences. */
  readonly troubles: readonly string[];
  readonly children: readonly StatusNode[];
}

export function ruleNodes(entries: readonly RouteEntry[]): readonly StatusNode[] {
  const rules = Map.groupBy(entries, ({ rule }) => rule.index);
  return [...rules.values()].flatMap((own) => (own[0] === undefined ? [] : [ruleNode(own[0], own)]));
}

const mostMatches = 2;

export function ruleNode(entry: RouteEntry, all: readonly RouteEntry[]): StatusNode {
  const matches = all.slice(0, mostMatches).map(({ match }) => matchWords(match));
  const more = all.length > mostMatches ? [`${all.length - mostMatches} more`] : [];
  const trouble = troubleOf(entry);
  const isKnown = entry.guard.kind === 'guarded' || !entry.guard.because.message.endsWith(noAccess);
  const policies = entry.guard.kind === 'guarded' ? entry.guard.policies.map(describeRef) : [];
  const limits = [...new Set(entry.limits.map(({ policy }) => describeRef(policy)))];
  const access = `${accessWords(entry)}${policies.length === 0 ? '' : ` (${policies.join(', ')})`}`;
  const limited = entry.limits.length === 0 ? '' : `${limitWords(entry.limits)} (${limits.join(', ')})`;
  const served = trouble === undefined ? words(access, limited) : '';
  return {
    kind: 'Rule',
    name: entry.rule.name,
    ready: trouble === undefined ? 'True' : isKnown ? 'False' : 'Unknown',
    about: [[...matches, ...more].join(' or '), `→ ${targetWords(entry)}`, served && `; ${served}`]
      .join(' ')
      .replace(' ;', ';')
      .trim(),
    troubles: trouble === undefined ? [] : [trouble],
    children: [],
  };
}

/** Why a rule answers by itself, and what to do about it. */
function troubleOf({ rule, guard }: RouteEntry): string | undefined {
  if (rule.blocked !== undefined) return `${rule.blocked.message}. ${rule.blocked.remedy}.`;
  if (guard.kind === 'blocked') {
    const { about, message, remedy } = guard.because;
    if (message.endsWith(noAccess)) {
      return `who may call rule ${rule.name} is not known here: you may not read what ${describeRef(about)} needs.`;
    }
    return `rule ${rule.name} answers 500, because ${describeRef(about)} cannot be enforced: ${message}. ${remedy}.`;
  }
  if (guard.covered) return undefined;
  return `rule ${rule.name} answers 403 to everyone, because no AuthPolicy covers it and the ApiGateway's defaultAccess is Deny.`;
}

/** A Route stands at several listeners, with the same matches. */
export function uniqueMatches(entries: readonly RouteEntry[]): readonly RouteEntry[] {
  return [...new Map(entries.map((entry) => [entry.matchIndex, entry])).values()];
}

/** Those that say something, with commas. */
export function words(...parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== '').join(', ');
}
