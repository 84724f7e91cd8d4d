/** One side of a difference in the words of a table's cell. */
import type { WeightedBackend } from '../../features/backends/resolve.ts';
import type { HeadersSpec } from '../../features/header-edits.ts';
import type { RewriteSpec } from '../../features/rewrite/schema.ts';
import type { RouteEntry } from '../../ir/gateway.ts';
import type { Guard, Issuer } from '../../ir/guard.ts';
import { describeRef } from '../../kube/object.ts';
import type { Conjunction } from '../../policy/decision.ts';
import { readSignerName, signerName, signersOf } from '../../resolve/compare/issuers.ts';
import type { Region } from '../../resolve/compare/region.ts';
import type { Difference } from '../../resolve/compare/types.ts';
import { describeConstraint } from '../../resolve/explain/words.ts';
import { accessWords, limitWords, matchWords, targetWords } from '../explain/route-words.ts';

type Entry = RouteEntry | undefined;

/** What tables call what differs. */
export function whatWords({ what }: Pick<Difference, 'what'>): string {
  const words: Readonly<Record<string, string>> = {
    callers: 'who may call',
    tokens: 'tokens that are not needed',
    answer: 'who answers',
    backends: 'backends',
    requestHeaders: 'request headers',
    responseHeaders: 'response headers',
    shadow: 'in shadow',
  };
  return words[what] ?? what;
}

export function sideWords(what: string, entry: Entry): string {
  if (entry !== undefined && (what === 'redirect' || what === 'respond')) {
    return `${targetWords(entry)} ${detailWords(entry.rule.settings[what])}`.trimEnd();
  }
  if (entry === undefined) return what === 'limits' ? 'none' : 'nobody';
  switch (what) {
    case 'callers':
      return accessWords(entry);
    case 'limits':
      return limitWords(entry.limits) || 'none';
    case 'shadow':
      return shadowWords(entry.guard);
    case 'answer':
    case 'backends':
    case 'weights':
      return targetWords(entry);
    case 'headers of backends':
      return shareHeaderWords(entry.rule.settings['backendRefs']);
    default:
      return settingWords(what, entry.rule.settings[what]);
  }
}

function shadowWords(guard: Guard): string {
  const shadow = guard.kind === 'guarded' ? guard.shadow : undefined;
  return shadow === undefined ? 'nothing' : shadow.policies.map(describeRef).join(', ');
}

/** What the short words of an answer leave out. */
function detailWords(settings: unknown): string {
  const { path, body } = settings as { readonly path?: object; readonly body?: unknown };
  const parts = [path, body].filter((part) => part !== undefined).map((part) => JSON.stringify(part));
  return parts.length === 0 ? '' : `(${parts.join(', ')})`;
}

/** A feature's own settings, on one line; of one that is not known here, as they are. */
function settingWords(what: string, settings: unknown): string {
  if (settings === undefined) return 'none';
  switch (what) {
    case 'timeouts':
      return timeoutWords(settings as Timeouts);
    case 'rewrite':
      return rewriteWords(settings as RewriteSpec);
    case 'requestHeaders':
    case 'responseHeaders':
      return headerWords(settings as HeadersSpec);
    default:
      return JSON.stringify(settings);
  }
}

interface Timeouts {
  /** Milliseconds. */
  readonly request: number | undefined;
  readonly backendRequest: number | undefined;
}

function timeoutWords({ request, backendRequest }: Timeouts): string {
  const parts = [
    request === undefined ? '' : `${request / 1000}s a request`,
    backendRequest === undefined ? '' : `${backendRequest / 1000}s an attempt`,
  ];
  return parts.filter((part) => part !== '').join(', ') || 'none';
}

function rewriteWords({ hostname, path }: RewriteSpec): string {
  const to = path === undefined ? '' : path.type === 'ReplaceFullPath' ? `path ${path.value}` : `prefix ${path.value}`;
  return [hostname === undefined ? '' : `host ${hostname}`, to].filter((part) => part !== '').join(', ');
}

function headerWords({ set = [], add = [], remove = [] }: HeadersSpec): string {
  const pairs = (list: typeof set) => list.map(({ name, value }) => `${name}: ${value}`);
  const parts = [
    ['set', pairs(set)],
    ['add', pairs(add)],
    ['remove', remove],
  ] as const;
  return parts.flatMap(([verb, all]) => (all.length === 0 ? [] : [`${verb} ${all.join(', ')}`])).join('; ') || 'none';
}

function shareHeaderWords(settings: unknown): string {
  const shares = (settings ?? []) as readonly WeightedBackend[];
  const parts = shares.map(({ backend, requestHeaders, responseHeaders }) => {
    const edits = [requestHeaders, responseHeaders].map((one) => (one === undefined ? '' : headerWords(one)));
    return `${backend?.service ?? '500'} (${edits.filter((one) => one !== '').join('; ') || 'none'})`;
  });
  return parts.join(', ');
}

export function regionWords({ paths: [path, ...others], headers, queryParams, method }: Region): string {
  const match = { path, headers, queryParams, ...(method === undefined ? {} : { method }) };
  return [matchWords(match), ...others.map(({ value }) => `~ ${value}`)].join(', ');
}

/** What two decisions say differently, a line each: `+ admits …` is new, `- admits …` is gone. */
export function callerDetails(before: Entry, after: Entry): readonly string[] {
  const [old, now] = [saidBy(before), saidBy(after)];
  const gone = [...old].filter((line) => !now.has(line)).map((line) => `- ${line}`);
  const come = [...now].filter((line) => !old.has(line)).map((line) => `+ ${line}`);
  return [...come, ...gone, ...keyDetails(issuersOf(before), issuersOf(after))];
}

function saidBy(entry: Entry): ReadonlySet<string> {
  const guard = entry?.guard;
  if (guard === undefined || guard.kind === 'blocked' || entry?.rule.blocked !== undefined) return new Set();
  const { decision, issuers } = guard;
  const words = (verb: string, list: readonly Conjunction[]) =>
    list.map((one) => `${verb} ${conjunctionWords(one, issuers)}`);
  return new Set([...words('admits', decision.allow), ...words('refuses', decision.deny)]);
}

function conjunctionWords({ constraints }: Conjunction, issuers: readonly Issuer[]): string {
  if (constraints.length === 0) return 'everyone';
  const said = constraints.map((one) => describeConstraint(one, issuers).replace(/ (not )?to be /, ' is $1'));
  return `where ${said.join(' and ')}`;
}

function issuersOf(entry: Entry): readonly Issuer[] {
  return entry?.guard.kind === 'guarded' ? entry.guard.issuers : [];
}

/** Of issuers that both sides accept: whose signature counts now, and whose no longer does. */
function keyDetails(before: readonly Issuer[], after: readonly Issuer[]): readonly string[] {
  const both = new Set(
    before.map(({ issuer }) => issuer).filter((name) => after.some(({ issuer }) => issuer === name)),
  );
  const names = (issuers: readonly Issuer[]) => new Set(issuers.flatMap(signersOf).map(signerName));
  const [old, now] = [names(before), names(after)];
  const lines = (sign: string, from: ReadonlySet<string>, without: ReadonlySet<string>) =>
    [...from]
      .filter((name) => !without.has(name))
      .map(readSignerName)
      .filter(({ issuer }) => both.has(issuer))
      .map(({ issuer, key }) => `${sign} key of ${issuer}: ${keyWords(key)}`);
  return [...lines('+', now, old), ...lines('-', old, now)];
}

/** `kid demo, ES256`; a URI as it is. */
function keyWords(key: string): string {
  if (!key.startsWith('[')) return key;
  const members = Object.fromEntries(JSON.parse(key) as readonly (readonly [string, unknown])[]);
  const { kid, alg, kty, x, n } = members;
  const name = typeof kid === 'string' ? `kid ${kid}` : `${String(x ?? n).slice(0, 12)}…`;
  return `${name}, ${String(alg ?? kty)}`;
}
