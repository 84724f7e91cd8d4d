/** What the features of a rule say of its Envoy routes: read here as Envoy will read it, so that explain names no feature. */
import type { HeaderMatcher, RouteAction } from '../../envoy/route.ts';
import { anyRuleFeatures } from '../../features/index.ts';
import type { RouteParts } from '../../ir/feature.ts';
import type { RouteEntry } from '../../ir/gateway.ts';

/** One Envoy route of an entry; the first whose headers hold takes the request. */
export interface Variant {
  readonly headers: readonly HeaderMatcher[];
  readonly answer: { readonly feature: string; readonly parts: NonNullable<RouteParts['answer']> } | undefined;
  readonly forward: RouteAction;
}

interface NamedParts {
  readonly feature: string;
  readonly parts: RouteParts;
}

export function variantsOf({ rule, match, listener }: RouteEntry): readonly Variant[] {
  const place = { path: match.path, listener };
  return anyRuleFeatures
    .filter(({ name }) => Object.hasOwn(rule.settings, name))
    .map((feature) =>
      feature.edge(rule.settings[feature.name], place).map((parts) => ({ feature: feature.name, parts })),
    )
    .reduce<readonly (readonly NamedParts[])[]>(
      (all, variants) => all.flatMap((some) => variants.map((one) => [...some, one])),
      [[]],
    )
    .map(variantOf);
}

function variantOf(named: readonly NamedParts[]): Variant {
  const [answer] = named.flatMap(({ feature, parts }) =>
    parts.answer === undefined ? [] : [{ feature, parts: parts.answer }],
  );
  return {
    headers: named.flatMap(({ parts }) => parts.matchHeaders ?? []),
    answer,
    forward: Object.assign({}, ...named.map(({ parts }) => parts.forward)) as RouteAction,
  };
}
