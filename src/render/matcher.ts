/**
 * A large virtual host as a prefix tree on `:path` (VirtualHost.matcher). Envoy walks a list from its top, 1,000 regular
 * comparisons for the last route; the tree takes it to a short list that keeps the order of precedence.
 */
import { types } from '../envoy/json.ts';
import type { PathMatch } from '../ir/match.ts';
import { composite, type Fragment } from './fragment.ts';

/** Below, a list is as fast and easier to read. */
export const treeThreshold = 32;

export interface Ordered {
  readonly path: PathMatch;
  readonly fragment: Fragment;
}

/** A leaf repeats what has no key of its own: past this many copies of a route, on average, the list is the lesser evil. */
const maximumCopies = 4;

/** undefined where a tree would be too large. `routes` in order of precedence, with the final 404 behind them: Envoy falls back to no shorter key once a key matched. */
export function matcherTree(routes: readonly Ordered[], last: Fragment): Fragment | undefined {
  const keys = [...new Set(routes.flatMap(({ path }) => keyOf(path) ?? []))].toSorted();
  const reach = reachOf(routes);
  const lists = keys.map((key) => ({ key, routes: reach(key) }));
  const copies = lists.reduce((sum, list) => sum + list.routes.length, 0);
  if (copies > maximumCopies * routes.length) return undefined;
  const leaves = lists.map((list) => composite(`${JSON.stringify(list.key)}:`, [routeList(list.routes, last)], ''));
  const head = `{"matcher_tree":{"input":{"name":"path","typed_config":{"@type":${JSON.stringify(types.requestHeaderInput)},"header_name":":path"}},"prefix_match_map":{"map":{`;
  const onNoMatch = composite('}}},"on_no_match":', [routeList(reach(''), last)], '}');
  return {
    hash: composite(head, [...leaves, onNoMatch], '').hash,
    text: () => `${head}${leaves.map((part) => part.text()).join(',')}${onNoMatch.text()}`,
  };
}

function routeList(routes: readonly Fragment[], last: Fragment): Fragment {
  const head = `{"action":{"name":"routes","typed_config":{"@type":${JSON.stringify(types.routeList)},"routes":[`;
  return composite(head, [...routes, last], ']}}}');
}

/** A byte prefix that every path of the match has; a regular expression has none that is certain. */
function keyOf(path: PathMatch): string | undefined {
  return path.type === 'RegularExpression' || path.value === '/' ? undefined : path.value;
}

/**
 * The routes that a path which begins with `key`, and with no longer key, can match: those whose own key is a prefix of
 * it, and those without a key. A path that goes on into a longer key is that key's affair.
 */
function reachOf(routes: readonly Ordered[]): (key: string) => readonly Fragment[] {
  const byKey = new Map<string, number[]>();
  for (const [index, { path }] of routes.entries()) {
    const key = keyOf(path) ?? '';
    const list = byKey.get(key);
    if (list === undefined) byKey.set(key, [index]);
    else list.push(index);
  }
  return (key) => {
    const indexes: number[] = [];
    for (let length = 0; length <= key.length; length += 1) indexes.push(...(byKey.get(key.slice(0, length)) ?? []));
    return indexes.toSorted((a, b) => a - b).flatMap((index) => routes[index]?.fragment ?? []);
  };
}
