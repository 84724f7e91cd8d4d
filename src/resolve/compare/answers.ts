/** What an entry does with a request that it admits, field by field, in a form that is equal when the meaning is. */
import type { WeightedBackend } from '../../features/backends/resolve.ts';
import { answers, anyRuleFeatures } from '../../features/index.ts';
import { clusterName } from '../../features/names.ts';
import type { RouteParts } from '../../ir/feature.ts';
import type { RouteEntry } from '../../ir/gateway.ts';
import type { PathMatch } from '../../ir/match.ts';

/** The names of what differs, `answer` first. `path` is that of the requests in question: a rewrite means something else elsewhere. */
export function answerDifferences(before: RouteEntry, after: RouteEntry, path: PathMatch): readonly string[] {
  const [old, now] = [answerOf(before), answerOf(after)];
  const others = anyRuleFeatures
    .map(({ name }) => name)
    .filter((name) => !answers.some((answer) => answer === name))
    .filter((name) => [before, after].some(({ rule }) => Object.hasOwn(rule.settings, name)))
    .filter((name) => partsKey(before, name, path) !== partsKey(after, name, path));
  if (old !== now) return ['answer', ...others];
  if (old !== 'backendRefs')
    return partsKey(before, old, path) === partsKey(after, old, path) ? others : [old, ...others];
  return [...backendDifferences(before, after), ...others];
}

function answerOf({ rule: { settings } }: RouteEntry): string {
  return answers.find((name) => Object.hasOwn(settings, name)) ?? 'backendRefs';
}

function backendDifferences(before: RouteEntry, after: RouteEntry): readonly string[] {
  const [one, other] = [onlyBackend(before), onlyBackend(after)];
  if (one !== undefined && one === other) return [];
  const [old, now] = [sharesOf(before), sharesOf(after)];
  const names = ({ shares }: Shares) => JSON.stringify([...shares.keys()].toSorted());
  if (names(old) !== names(now)) return ['backends'];
  const weights = ({ shares }: Shares) => JSON.stringify([...shares].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  if (weights(old) !== weights(now)) return ['weights'];
  return old.edits === now.edits ? [] : ['headers of backends'];
}

/** The usual case, for speed: one backend without edits. */
function onlyBackend({ rule: { settings } }: RouteEntry): string | undefined {
  const [first, ...others] = (settings['backendRefs'] ?? []) as readonly WeightedBackend[];
  const plain = others.length === 0 && first !== undefined && first.weight > 0;
  if (
    !plain ||
    first.backend === undefined ||
    first.requestHeaders !== undefined ||
    first.responseHeaders !== undefined
  ) {
    return undefined;
  }
  return `${clusterName(first.backend)} ${first.backend.protocol}`;
}

interface Shares {
  /** By backend: its part of all requests, from 0 to 1. */
  readonly shares: ReadonlyMap<string, number>;
  readonly edits: string;
}

function sharesOf({ rule: { settings } }: RouteEntry): Shares {
  const all = ((settings['backendRefs'] ?? []) as readonly WeightedBackend[]).filter(({ weight }) => weight > 0);
  const total = all.reduce((sum, { weight }) => sum + weight, 0);
  const shares = new Map<string, number>();
  const edits = all.map(({ backend, requestHeaders, responseHeaders }) =>
    canonical([backend === undefined ? '' : clusterName(backend), requestHeaders, responseHeaders]),
  );
  for (const { backend, weight } of all) {
    const name = backend === undefined ? '500' : `${clusterName(backend)} ${backend.protocol}`;
    shares.set(name, (shares.get(name) ?? 0) + weight);
  }
  for (const [name, weight] of shares) shares.set(name, Number((weight / total).toPrecision(9)));
  return { shares, edits: edits.toSorted().join() };
}

/** What the feature tells Envoy: a field that says the usual says nothing. */
function partsKey({ rule, match, listener }: RouteEntry, name: string, path: PathMatch): string {
  const feature = anyRuleFeatures.find((one) => one.name === name);
  const written = feature !== undefined && Object.hasOwn(rule.settings, name);
  const parts = written ? feature.edge(rule.settings[name], { path: match.path, listener }) : [{}];
  return canonical(parts.map((part) => normalParts(part, match.path, path)));
}

/** Envoy's own timeout of a request is spelt out, and an edit of a prefix becomes where it leads from the requests' path. */
function normalParts(parts: RouteParts, from: PathMatch, path: PathMatch): object {
  const { forward = {}, answer = {}, ...others } = parts;
  const { timeout = '15s', ...action } = forward;
  const redirect = 'redirect' in answer ? { redirect: leading(answer.redirect ?? {}, from, path) } : answer;
  return { ...others, timeout, forward: leading(action, from, path), answer: redirect };
}

function leading(action: object, from: PathMatch, path: PathMatch): object {
  if (!('prefix_rewrite' in action) || typeof action.prefix_rewrite !== 'string') return action;
  const { prefix_rewrite: to, ...others } = action;
  if (path.type === 'RegularExpression') return { ...others, prefix: `${from.value} ${to}` };
  const image = `${to}${path.value.slice(from.value.length)}`;
  return image === path.value ? others : { ...others, image };
}

/** JSON that does not depend on the order of fields, and leaves out what is empty. */
export function canonical(value: unknown): string {
  return JSON.stringify(sorted(value)) ?? '';
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value)
    .map(([key, each]) => [key, sorted(each)] as const)
    .filter(([, each]) => each !== undefined && !isEmpty(each))
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(fields);
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}
