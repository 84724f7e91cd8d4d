/** Where each rule of an AuthorizationPolicy comes from: Istio's have no names, only an index that access logs show. */
import type { AuthorizationPolicy } from '../../istio/security.ts';
import { keyOf } from '../../kube/object.ts';
import { compareText } from '../../policy/attribute.ts';
import type { Source } from '../../policy/decision.ts';

/** One line an origin: its text, a space, and the indices of its rules: `shop/orders:readers 0-2,5`. */
export const originsAnnotation = 'evengate.dev/rules';

/** Of a rule that no policy asked for, such as that of the ports that stay open. */
export const noOrigin = '-';

/** `<namespace>/<policy>:<rule>`, joined by `+`. */
export function originOf(sources: readonly Source[]): string {
  const names = sources.map(({ policy, rule }) => `${keyOf(policy.namespace, policy.name)}:${rule}`);
  return names.length === 0 ? noOrigin : [...new Set(names)].join('+');
}

/** `origins` are those of the rules, by index. */
export function formatOrigins(origins: readonly string[]): string {
  const indices = new Map<string, number[]>();
  for (const [index, origin] of origins.entries()) {
    if (origin === noOrigin) continue;
    const known = indices.get(origin);
    if (known === undefined) indices.set(origin, [index]);
    else known.push(index);
  }
  const sorted = [...indices].toSorted(([a], [b]) => compareText(a, b));
  return sorted.map(([origin, of]) => `${origin} ${ranges(of)}`).join('\n');
}

function ranges(indices: readonly number[]): string {
  const found: [number, number][] = [];
  for (const index of indices) {
    const last = found.at(-1);
    if (last?.[1] === index - 1) last[1] = index;
    else found.push([index, index]);
  }
  return found.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(',');
}

/** Back from the annotation, by index of the rule; noOrigin where it says nothing. */
export function readOrigins({ metadata, spec }: AuthorizationPolicy): readonly string[] {
  const origins = (spec?.rules ?? []).map(() => noOrigin);
  for (const line of (metadata.annotations?.[originsAnnotation] ?? '').split('\n')) {
    const [, origin = noOrigin, listed = ''] = /^(.*) ([\d,-]+)$/.exec(line) ?? [];
    for (const range of listed.split(',')) {
      const [from = Number.NaN, to = from] = range.split('-').map(Number);
      origins.fill(origin, from, to + 1);
    }
  }
  return origins;
}
