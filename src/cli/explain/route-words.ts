/** What becomes of a request, and who may send it, in a few words a column. */
import type { WeightedBackend } from '../../features/backends/resolve.ts';
import type { RedirectSpec } from '../../features/redirect/schema.ts';
import type { RespondSpec } from '../../features/respond/schema.ts';
import type { RouteEntry } from '../../ir/gateway.ts';
import type { Guard, Limit, LimitKey } from '../../ir/guard.ts';
import type { Match } from '../../ir/match.ts';
import { keyOf } from '../../kube/object.ts';
import { type Conjunction, type Decision, needsIssuer } from '../../policy/decision.ts';
import { edgeDecision } from '../../policy/planes.ts';

/** `GET /orders, x-canary: true` */
export function matchWords({ path, method, headers, queryParams }: Match): string {
  const pathWord = { Exact: `${path.value} exactly`, PathPrefix: path.value, RegularExpression: `~ ${path.value}` }[
    path.type
  ];
  const value = (one: Match['headers'][number]) => `${one.type === 'Exact' ? '' : '~ '}${one.value}`;
  return [
    method === undefined ? pathWord : `${method} ${pathWord}`,
    ...headers.map((one) => `${one.name}: ${value(one)}`),
    ...queryParams.map((one) => `?${one.name}=${value(one)}`),
  ].join(', ');
}

/** `shop/orders:80 90%, shop/orders-canary:80 10%` */
export function targetWords({ rule: { settings, blocked } }: RouteEntry): string {
  if (blocked !== undefined) return '-';
  const redirect = settings['redirect'] as RedirectSpec | undefined;
  if (redirect !== undefined) return redirectWords(redirect);
  const respond = settings['respond'] as RespondSpec | undefined;
  if (respond !== undefined) return `answers ${respond.status}`;
  const shares = ((settings['backendRefs'] ?? []) as readonly WeightedBackend[]).filter(({ weight }) => weight > 0);
  if (shares.length === 0) return 'answers 500: no backend';
  const total = shares.reduce((sum, { weight }) => sum + weight, 0);
  return shares
    .map(({ backend, weight }) => {
      const name = backend === undefined ? '500' : `${keyOf(backend.namespace, backend.service)}:${backend.port}`;
      return shares.length === 1 ? name : `${name} ${percent(weight / total)}`;
    })
    .join(', ');
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(2))}%`;
}

function redirectWords({ scheme, hostname, port, path, statusCode }: RedirectSpec): string {
  const to = [
    scheme,
    hostname,
    port === undefined ? undefined : `:${port}`,
    path === undefined ? undefined : 'another path',
  ];
  return `redirects ${statusCode ?? 302} to ${to.filter((part) => part !== undefined).join(' ')}`;
}

/** `public`, `token of login.example.com + readers`, `403: no AuthPolicy covers it`, `500: …` */
export function accessWords({ rule, guard }: RouteEntry): string {
  if (rule.blocked !== undefined) return `500: ${rule.blocked.message}`;
  if (guard.kind === 'blocked') return `500: ${guard.because.message}`;
  if (!guard.covered) return '403: no AuthPolicy covers it';
  const decision = edgeDecision(guard.decision);
  if (decision.allow.length === 0) {
    return guard.decision.allow.length === 0 ? '403: no rule admits anyone' : '403: only callers inside the mesh';
  }
  const deny = ruleNames(decision.deny);
  const shadow = guard.shadow?.policies.map(({ name }) => name) ?? [];
  return [
    admitted(decision, guard),
    ...(deny === '' ? [] : [`but not ${deny}`]),
    ...(shadow.length === 0 ? [] : [`in shadow: ${shadow.join(', ')}`]),
  ].join(', ');
}

type Guarded = Extract<Guard, { readonly kind: 'guarded' }>;

function admitted(decision: Decision, { issuers }: Guarded): string {
  if (decision.allow.some(({ constraints }) => constraints.length === 0)) return 'public';
  const token = needsIssuer(decision)
    ? `token of ${issuers.map(({ issuer }) => issuer.replace(/^https?:\/\//, '')).join(' or ')}`
    : '';
  const byToken = decision.allow.every(({ constraints }) =>
    constraints.every(({ attribute }) => attribute.kind === 'issuer'),
  );
  const rules = byToken ? '' : ruleNames(decision.allow);
  return [token, rules].filter((part) => part !== '').join(' + ');
}

const mostRules = 4;

function ruleNames(conjunctions: readonly Conjunction[]): string {
  // What a policy without rules of its own is resolved to: the token says it all.
  const named = conjunctions.map(({ sources }) => sources.filter(({ rule }) => rule !== 'authenticate'));
  const distinct = [...new Set(named.map((sources) => sources.map(({ rule }) => rule).join(' & ')))].filter(Boolean);
  const more = distinct.length > mostRules ? [`${distinct.length - mostRules} more`] : [];
  return [...distinct.slice(0, mostRules), ...more].join(' or ');
}

const spans: Readonly<Record<number, string>> = { 1: 'second', 60: 'minute', 3600: 'hour', 86400: 'day' };

/** `3 a minute by sub` */
export function limitWords(limits: readonly Limit[]): string {
  return limits
    .map(({ requests, seconds, by, mode }) => {
      const keys = by.length === 0 ? '' : ` by ${by.map(keyWord).join(' and ')}`;
      return `${requests} a ${spans[seconds] ?? `${seconds} s`}${keys}${mode === 'Shadow' ? ' (shadow)' : ''}`;
    })
    .join(', ');
}

function keyWord(key: LimitKey): string {
  switch (key.kind) {
    case 'claim':
      return key.path.join('/');
    case 'header':
      return key.name;
    case 'clientIP':
      return 'client IP';
  }
}
