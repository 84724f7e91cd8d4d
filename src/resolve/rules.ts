/** The rules of one Route, each feature resolved. A rule that cannot be served is blocked, never dropped. */
import { anyRuleFeatures } from '../features/index.ts';
import { resolveMatches } from '../features/matches/resolve.ts';
import type { RuleFeature } from '../ir/feature.ts';
import type { Backend, Rule, RuleMatch } from '../ir/gateway.ts';
import type { Lookup } from '../ir/lookup.ts';
import type { ObjectRef } from '../kube/object.ts';
import type { Finding } from '../status/finding.ts';
import { joined } from './lists.ts';
import type { ParsedRoute, ParsedRule } from './parse.ts';

export interface ResolvedRules {
  readonly rules: readonly Rule[];
  readonly findings: readonly Finding[];
}

export function resolveRules(route: ParsedRoute, lookup: Lookup): ResolvedRules {
  const resolved = route.rules.map((rule, index) => resolveRule({ route: route.ref, rule, index }, lookup));
  return {
    rules: joined(resolved.map(({ rules }) => rules)),
    findings: joined(resolved.map(({ findings }) => findings)),
  };
}

interface Place {
  readonly route: ObjectRef;
  readonly rule: ParsedRule;
  readonly index: number;
}

function resolveRule({ route, rule, index }: Place, lookup: Lookup): ResolvedRules {
  const at = `spec.rules[${index}]`;
  const written = rule.kind === 'rule' ? rule.spec : rule;
  const matches = resolveMatches(written.matches, { about: route, at: `${at}.matches` });
  const base = { route, index, name: written.name ?? `rule-${index}`, section: written.name ?? '' };
  if (rule.kind === 'broken') {
    return { rules: [blockedRule(base, matches, rule.because)], findings: [] };
  }
  const features = resolveFeatures({ route, at, spec: rule.spec, matches }, lookup);
  const unreadable = matches.filter(({ findings }) => findings.length > 0);
  const readable = unreadable.length === 0 ? matches : matches.filter(({ findings }) => findings.length === 0);
  const because = unreadable[0]?.findings[0];
  const whole: Rule = {
    ...base,
    matches: readable,
    settings: features.settings,
    backends: features.backends,
    needsNoCover: features.needsNoCover,
    ...(features.blocked === undefined ? {} : { blocked: features.blocked }),
  };
  return {
    rules: because === undefined ? [whole] : [whole, blockedRule(base, unreadable, because)],
    findings: joined([...matches.map(({ findings }) => findings), features.findings]),
  };
}

function blockedRule(
  base: Pick<Rule, 'route' | 'index' | 'name' | 'section'>,
  matches: readonly RuleMatch[],
  blocked: Finding,
): Rule {
  return {
    ...base,
    matches,
    settings: {},
    backends: [],
    needsNoCover: false,
    blocked,
  };
}

interface Written {
  readonly route: ObjectRef;
  readonly at: string;
  readonly spec: Readonly<Record<string, unknown>>;
  readonly matches: readonly RuleMatch[];
}

interface ResolvedFeatures {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly backends: readonly Backend[];
  readonly needsNoCover: boolean;
  readonly blocked: Finding | undefined;
  readonly findings: readonly Finding[];
}

function resolveFeatures({ route, at, spec, matches }: Written, lookup: Lookup): ResolvedFeatures {
  const settings: Record<string, unknown> = {};
  const used: RuleFeature[] = [];
  const findings: Finding[] = [];
  let blocked: Finding | undefined;
  for (const feature of anyRuleFeatures) {
    const value = spec[feature.name];
    if (value === undefined) continue;
    const author = { about: route, at: `${at}.${feature.name}` };
    const result = feature.resolve(value, author, lookup, { matches: matches.map(({ match }) => match) });
    findings.push(...result.findings);
    if (result.ok) {
      settings[feature.name] = result.value;
      used.push(feature);
    } else {
      blocked ??= result.findings[0];
    }
  }
  return {
    settings,
    backends: joined(used.flatMap((feature) => [feature.backends?.(settings[feature.name]) ?? []])),
    needsNoCover: used.some((feature) => feature.needsNoCover === true),
    blocked,
    findings,
  };
}
