/** `explain`, `prove` and Envoy, asked the same question, must give the same answer. */

import { X509Certificate } from 'node:crypto';
import type { JWK } from 'jose';
import type { Gateway, Listener } from '../ir/gateway.ts';
import type { Issuer } from '../ir/guard.ts';
import { answerAtEdge, type EdgeAnswer, type ParsedEdge, type ProofToken, parseEdge } from '../proof/edge.ts';
import { keySetOf } from '../proof/regions/issuers.ts';
import { type EdgeFile, edgeRenderer } from '../render/edge.ts';
import { explain } from '../resolve/explain/explain.ts';
import { addressOf, seeRequest } from '../resolve/explain/request.ts';
import type { ExplainRequest, Explanation, Outcome, TokenFacts } from '../resolve/explain/types.ts';
import { testPlacement } from './compile.ts';
import type { TestCertificate } from './rig-certificates.ts';
import { type Attempt, type Exchange, headersOf, type RigRequest, usualHost } from './rig-request.ts';
import type { Token } from './rig-tokens.ts';

/** Keys that servers publish, by `uri`: what a token of theirs is verified with. */
export type PublishedKeys = ReadonlyMap<string, string>;

/** Its message shows both sides. */
export class Disagreement extends Error {
  override readonly name = 'Disagreement';
}

/** Throws a Disagreement when they differ. `keys` is needed where policies name a `uri`. */
export function agree(gateways: Iterable<Gateway>, attempt: Attempt, keys: PublishedKeys = new Map()): void {
  const { request } = attempt;
  const gateway = gatewayOf(gateways, request.port ?? 80);
  const question = questionOf(gateway, request, keys);
  const explanation = explain(gateway, question);
  const difference = differenceOf(explanation, attempt) ?? renderedDifference(gateway, question, attempt);
  if (difference === undefined) return;
  const envoy = 'error' in attempt ? attempt.error.message : seen(attempt);
  const steps = explanation.steps.map(({ stage, text }) => `  ${stage}: ${text}`);
  const lines = [difference, `request: ${JSON.stringify(question)}`, `envoy: ${envoy}`];
  throw new Disagreement([...lines, `explain: ${JSON.stringify(explanation.outcome)}`, ...steps].join('\n'));
}

function seen({ status, header, body, received }: Exchange): string {
  return JSON.stringify({ status, location: header('location'), body: body.slice(0, 100), received });
}

function gatewayOf(gateways: Iterable<Gateway>, port: number): Gateway {
  const found = [...gateways].find(({ listeners }) => listeners.some((listener: Listener) => listener.port === port));
  if (found === undefined) throw new Error(`no gateway of the test has a listener on port ${port}`);
  return found;
}

function questionOf(gateway: Gateway, request: RigRequest, keys: PublishedKeys): ExplainRequest {
  const { method = 'GET', path = '/', host = usualHost, port = 80, from = '127.0.0.1', serverName } = request;
  const scheme = gateway.listeners.find((listener) => listener.port === port)?.protocol === 'HTTPS' ? 'https' : 'http';
  const token = factsOf(gateway, request, keys);
  return {
    method,
    // The Host line stands in for the URL's, because a Host may be what no URL can hold.
    url: `${scheme}://rig${path}`,
    headers: [['host', host], ...headersOf(request)],
    clientAddress: from,
    listenerPort: port,
    ...(token === undefined ? {} : { token }),
    ...(request.certificate === undefined ? {} : { clientCertificate: namesIn(request.certificate) }),
    ...(scheme === 'https' ? { sni: serverName ?? host.replace(/:\d+$/, '') } : {}),
  };
}

const parsed = new WeakMap<Gateway, ParsedEdge>();

/** What `prove` reads out of the rendered files, for requests that get as far as a route. */
function renderedDifference(gateway: Gateway, question: ExplainRequest, attempt: Attempt): string | undefined {
  const address = addressOf(question.url);
  const seen = address === undefined ? undefined : seeRequest(gateway, question, address);
  if (address === undefined || seen === undefined || 'kind' in seen || 'error' in attempt) return undefined;
  const edge = parsed.get(gateway) ?? parseEdge(edgeRenderer(testPlacement)(gateway).files.map(textOf));
  parsed.set(gateway, edge);
  if (attempt.status === 429) return undefined;
  const answer = answerAtEdge(edge, {
    ...seen,
    port: question.listenerPort ?? address.port,
    scheme: address.scheme,
    sni: question.sni ?? '',
    path: `${seen.path}${seen.query}`,
    ...(question.token === undefined ? {} : { token: proofToken(gateway, question.token) }),
    ...(question.clientCertificate === undefined ? {} : { certificate: question.clientCertificate }),
  });
  return isAnswer(answer, attempt) ? undefined : `prove reads ${JSON.stringify(answer)}`;
}

function isAnswer(answer: EdgeAnswer, { status, received }: Exchange): boolean {
  return answer.kind === 'forwarded'
    ? status === 500 ||
        status === 503 ||
        answer.to.some((one) => one.path === received?.path && one.host === received.authority)
    : received === undefined && answer.kind !== 'closed' && answer.status === status;
}

function textOf(file: EdgeFile): { readonly name: string; readonly text: string } {
  return { name: file.name, text: file.text('1') };
}

function proofToken({ chains }: Gateway, facts: TokenFacts): ProofToken {
  if (facts.kind !== 'valid')
    return { issuer: facts.kind === 'refused' ? facts.issuer : 'nobody', claims: {}, bad: true };
  const { claims, issuerIds } = facts;
  const known = chains.flatMap(({ uses }) => uses.issuers).filter(({ id }) => issuerIds.includes(id));
  return { issuer: String(claims['iss']), claims, jwks: known.map(({ keys }) => keySetOf(keys)) };
}

/** As Node writes them: `URI:spiffe://a, DNS:b`. */
function namesIn({ certificate }: TestCertificate): readonly string[] {
  const { subjectAltName = '' } = new X509Certificate(certificate);
  return subjectAltName.split(', ').flatMap((one) => (one === '' ? [] : [one.replace(/^(URI|DNS):/, '')]));
}

/** What the signer knows, and `explain` is told. */
function factsOf(gateway: Gateway, request: RigRequest, keys: PublishedKeys): TokenFacts | undefined {
  const { token } = request;
  if (token === undefined) {
    const lines = headersOf(request).filter(([name]) => name.toLowerCase() === 'authorization');
    return lines.some(([, value]) => value.startsWith('Bearer ')) ? { kind: 'unknown' } : undefined;
  }
  const issuer = String(token.claims.iss);
  const known = gateway.chains.flatMap(({ uses }) => uses.issuers).filter((one) => one.issuer === issuer);
  if (known.length === 0) return { kind: 'unknown' };
  const now = Date.now() / 1000;
  if ((token.claims.exp ?? now) < now) return { kind: 'refused', issuer, reason: 'it has expired' };
  if ((token.claims.nbf ?? 0) > now) return { kind: 'refused', issuer, reason: 'it is not valid yet' };
  const issuerIds = [...new Set(known.filter((one) => verifies(one, token, keys)).map(({ id }) => id))];
  if (issuerIds.length === 0) return { kind: 'refused', issuer, reason: 'no key fits' };
  return { kind: 'valid', issuerIds, claims: token.claims };
}

function verifies({ keys: source }: Issuer, { key }: Token, published: PublishedKeys): boolean {
  const text = source.kind === 'inline' ? source.jwks : (published.get(source.uri) ?? '{"keys":[]}');
  const { keys } = JSON.parse(text) as { readonly keys: readonly JWK[] };
  return keys.some((one) => one.kid === key.kid && one.x === key.x && one.n === key.n);
}

function differenceOf(explanation: Explanation, attempt: Attempt): string | undefined {
  const { outcome } = explanation;
  if (outcome.kind === 'no-listener')
    return 'error' in attempt ? undefined : 'Envoy served what explain says it cannot';
  if ('error' in attempt) return 'Envoy refused the connection';
  const limited = explanation.limits.some(({ mode }) => mode === 'Enforce');
  if (attempt.status === 429 && limited && outcome.kind !== 'refused') return undefined;
  return outcome.kind === 'forward' ? forwardDifference(outcome, attempt) : answerDifference(outcome, attempt);
}

function answerDifference(
  outcome: Exclude<Outcome, { readonly kind: 'forward' | 'no-listener' }>,
  { status, header, received }: Exchange,
): string | undefined {
  if (received !== undefined) return 'Envoy forwarded it';
  if (status !== outcome.status) return `Envoy answered ${status}`;
  const location = outcome.kind === 'redirect' ? outcome.location : undefined;
  const differs = outcome.kind !== 'respond' && header('location') !== location;
  return differs ? `Envoy's Location is ${header('location')}` : undefined;
}

function forwardDifference(
  { backends, host, path }: Extract<Outcome, { readonly kind: 'forward' }>,
  { status, received }: Exchange,
): string | undefined {
  const possible = backends.filter(({ weight }) => weight > 0);
  if (received === undefined) {
    const broken = possible.some(({ backend }) => backend === undefined);
    const empty = possible.some(({ backend }) => backend?.service.startsWith('empty'));
    return (status === 500 && broken) || (status === 503 && empty) ? undefined : `Envoy answered ${status}`;
  }
  const service = possible.find(({ backend }) => `${backend?.namespace}/${backend?.service}` === received.service);
  if (service === undefined) return `Envoy forwarded it to ${received.service}`;
  if (received.path !== path) return `the backend saw the path ${received.path}`;
  return received.authority === host ? undefined : `the backend saw the host ${received.authority}`;
}
