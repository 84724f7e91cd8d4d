/** What text and markdown say alike: summaries, places, proofs. */
import { STATUS_CODES } from 'node:http';
import { keyOf } from '../../kube/object.ts';
import type { Effect, GatewayChange } from '../../resolve/compare/types.ts';
import type { ExplainRequest, Explanation } from '../../resolve/explain/types.ts';
import { statusOf } from '../../resolve/explain/types.ts';
import { type Change, type Diff, effects, type Place, type Proof } from './model.ts';
import { regionWords } from './words.ts';

/** How many of a kind are shown without --all. */
export const most = { changes: 40, places: 4, details: 6, gateways: 20, findings: 20 } as const;

export interface Shown<T> {
  readonly list: readonly T[];
  /** `and 38 more (--all shows them)`; undefined when all are. */
  readonly more: string | undefined;
}

export function shown<T>(list: readonly T[], limit: number, all: boolean): Shown<T> {
  const left = list.length - limit;
  // One line that says what another one would is no saving.
  if (all || left < 2) return { list, more: undefined };
  return { list: list.slice(0, limit), more: `and ${left} more (--all shows them)` };
}

const words: Readonly<Record<Effect, readonly [one: string, many: string]>> = {
  opens: ['opens', 'open'],
  shifts: ['opens and closes', 'open and close'],
  closes: ['closes', 'close'],
  looser: ['loosens a limit', 'loosen limits'],
  tighter: ['tightens a limit', 'tighten limits'],
  differs: ['other', 'other'],
};

/** `opens`, as a mark before a change. */
export function effectWord(effect: Effect): string {
  return effect === 'shifts' ? 'opens+closes' : effect;
}

/** `3 changes: 2 open, 1 closes; 1 new finding`; `no change in traffic` when there is none. */
export function summaryWords(diff: Diff): string {
  const all = [...diff.changes, ...diff.gateways];
  const parts = effects
    .map((effect) => ({ effect, count: all.filter((one) => one.effect === effect).length }))
    .filter(({ count }) => count > 0)
    .map(({ effect, count }) => `${count} ${words[effect][count === 1 ? 0 : 1]}`);
  const changes = `${all.length} ${all.length === 1 ? 'change' : 'changes'}: ${parts.join(', ')}`;
  const findings = [
    ['new', diff.findings.new.length],
    ['mended', diff.findings.mended.length],
  ] as const;
  const found = findings.flatMap(([word, count]) =>
    count === 0 ? [] : [`${count} ${word} ${count === 1 ? 'finding' : 'findings'}`],
  );
  return [all.length === 0 ? 'no change in traffic' : changes, ...found].join('; ');
}

export function matchOf({ region }: Place): string {
  return regionWords(region);
}

/** `api.shop.example.com (HTTPS 443)` */
export function doorOf({ host, protocol, port }: Place): string {
  return `${host === '*' ? 'every other host' : host} (${protocol} ${port})`;
}

/** The rules that answer at the change's places: `Route shop/orders, rule read`, or from which to which. */
export function rulesOf({ places }: Change): readonly string[] {
  const name = (rule: Place['before']) =>
    rule && `Route ${keyOf(rule.route.namespace, rule.route.name)}, rule ${rule.rule}`;
  const lines = places.map(({ before, after }) => {
    const [from, to] = [name(before), name(after)];
    return from === undefined || to === undefined || from === to ? (to ?? from ?? '') : `${from} → ${to}`;
  });
  return [...new Set(lines)];
}

/** One line a proof; where none was found, that is said. */
export function proofLines({ effect, proofs }: Change): readonly string[] {
  const claims = effect === 'opens' || effect === 'shifts' || effect === 'closes';
  return proofs.length === 0 && claims
    ? ['no request was found that shows it: it may concern none']
    : proofs.map(proofWords);
}

/** `GET https://api.shop.example.com/orders without a token: 401 → forwarded to shop/orders:80` */
export function proofWords({ request, before, after }: Proof): string {
  return `${requestWords(request)}: ${outcomeWords(before)} → ${outcomeWords(after)}`;
}

function requestWords({ method, url, headers, clientAddress, token }: ExplainRequest): string {
  const lines = headers.map(([name, value]) => `-H '${name}: ${value}'`);
  const from = defaultAddresses.has(clientAddress) ? [] : [`from ${clientAddress}`];
  return [`${method} ${url}`, ...lines, ...from, tokenWords(token)].join(' ');
}

/** What a request comes from when no policy asks. */
const defaultAddresses = new Set(['198.51.100.7']);

function tokenWords(token: ExplainRequest['token']): string {
  if (token?.kind !== 'valid') return 'without a token';
  const { iss, ...others } = token.claims;
  const claims = Object.keys(others).length === 0 ? '' : ` and ${JSON.stringify(others)}`;
  return `with a token of ${String(iss)}${claims}`;
}

function outcomeWords(explanation: Explanation | undefined): string {
  if (explanation === undefined) return 'no gateway';
  const { outcome } = explanation;
  if (outcome.kind === 'no-listener') return 'no connection';
  if (outcome.kind === 'forward') {
    const names = outcome.backends.map(({ backend }) =>
      backend === undefined ? '500' : `${keyOf(backend.namespace, backend.service)}:${backend.port}`,
    );
    return `reaches ${names.join(' or ')}`;
  }
  const status = statusOf(outcome) ?? 0;
  return `${status} ${STATUS_CODES[status] ?? ''}`.trimEnd();
}

/** `listener HTTPS 443 added`, `fleet scale.replicas: 2 → 3` */
export function gatewayWords({ what, name, before, after }: GatewayChange): string {
  const subject = `${what}${name === '' ? '' : ` ${name}`}`;
  if (what === 'gateway' && (before === '' || after === '')) return before === '' ? 'added' : 'removed';
  if (what === 'listener' && before === '') return `${subject} added${after === 'served' ? '' : `, ${after}`}`;
  if (what === 'listener' && after === '') return `${subject} removed`;
  return `${subject}: ${before || 'unset'} → ${after || 'unset'}`;
}

/** Text of manifests may hold any character: none may move the cursor or swap what is read. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (character) => {
    return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
  });
}
