/** What a rule may ask of a request at Envoy, by the keys of `when` (pilot/pkg/security/authz/model/generator.go). */

import { containsAddress, parseCidr } from '../../policy/cidr.ts';
import type { Payload } from './jwt.ts';
import type { MeshRequest } from './request.ts';
import {
  type Matches,
  matchHeader,
  matchHost,
  matchNamespace,
  matchPath,
  matchServiceAccount,
  matchText,
  matchTrustDomain,
} from './text.ts';
import { withAliases } from './trust-domains.ts';

export interface Asked {
  readonly request: MeshRequest;
  readonly payload: Payload | undefined;
  /** Of the policy that asks. */
  readonly namespace: string;
}

/** 'invalid': Istio cannot make a matcher of the text. */
export type Answer = boolean | 'invalid';
export type Question = (text: string, asked: Asked) => Answer;

const questions: Readonly<Record<string, Question>> = {
  hosts: (text, { request }) => matchHost(text)(request.host),
  methods: (text, { request }) => matchHeader(text)(request.method),
  paths: (text, { request }) => matchPath(text)(request.path),
  'destination.port': (text, { request }) => matchPort(text, request.port),
  'destination.ip': (text, { request }) => matchAddress(text, request.localIp),
  'source.ip': (text, { request }) => matchAddress(text, request.directIp),
  'remote.ip': (text, { request }) => matchAddress(text, request.remoteIp),
  'source.principal': (text, asked) =>
    withAliases(text, asked.request.mesh?.trustDomains ?? []).some((one) => ofPeer(matchText(one), asked)),
  'source.namespace': (text, asked) => ofPeer(matchNamespace(text), asked),
  'source.serviceAccount': (text, asked) => ofPeer(matchServiceAccount(text, asked.namespace), asked),
  'source.trustDomain': (text, asked) =>
    withinAliases(text, asked.request.mesh?.trustDomains ?? []).some((one) => ofPeer(matchTrustDomain(one), asked)),
  'request.auth.principal': (text, { payload }) => matchRequestPrincipal(text, payload),
  'request.auth.audiences': (text, { payload }) => matchClaim(['aud'], text, payload),
  'request.auth.presenter': (text, { payload }) => matchClaim(['azp'], text, payload),
};

/** undefined where Istio knows no such key, or where what it looks at is not told here (SNI, filters' metadata). */
export function questionOf(key: string): Question | undefined {
  if (key.startsWith('request.headers')) return headerQuestion(key.slice('request.headers'.length));
  if (key.startsWith('request.auth.claims')) return claimQuestion(key.slice('request.auth.claims'.length));
  return Object.hasOwn(questions, key) ? questions[key] : undefined;
}

export function matchPort(text: string, port: number): Answer {
  return /^\d+$/.test(text) && Number(text) <= 65_535 ? Number(text) === port : 'invalid';
}

export function matchAddress(text: string, address: string | undefined): Answer {
  const range = parseCidr(text);
  return range === undefined ? 'invalid' : address !== undefined && containsAddress(range, address);
}

function ofPeer(matches: Matches, { request: { principal } }: Asked): boolean {
  return principal !== undefined && matches(principal);
}

function withinAliases(domain: string, aliases: readonly string[]): readonly string[] {
  return aliases.includes(domain) ? aliases : [domain];
}

function headerQuestion(bracketed: string): Question {
  const name = /^\[(.*)\]$/s.exec(bracketed)?.[1]?.toLowerCase();
  if (name === undefined) return () => 'invalid';
  return (text, { request }) => headerValues(name, request).some(matchHeader(text));
}

function headerValues(name: string, request: MeshRequest): readonly string[] {
  switch (name) {
    case ':method':
      return [request.method];
    case ':path':
      return request.path === '' ? [] : [request.path];
    case ':authority':
    case 'host':
      return [request.host];
    default:
      return request.headers.get(name) ?? [];
  }
}

/** `[a][b]` is a member of a member; anything else in brackets is one name. */
function claimQuestion(bracketed: string): Question {
  const nested = /^(\[[^[\]]*\])+$/.test(bracketed);
  const path = nested ? bracketed.slice(1, -1).split('][') : [/^\[(.*)\]$/s.exec(bracketed)?.[1]];
  const known = path.filter((name) => name !== undefined);
  return known.length < path.length ? () => 'invalid' : (text, { payload }) => matchClaim(known, text, payload);
}

/** A string, or a string of a list. */
function matchClaim(path: readonly string[], text: string, payload: Payload | undefined): boolean {
  const claim = path.reduce<unknown>(member, payload);
  const values = (Array.isArray(claim) ? claim : [claim]).filter((value) => typeof value === 'string');
  return values.some(matchText(text));
}

function member(object: unknown, name: string): unknown {
  if (typeof object !== 'object' || object === null || Array.isArray(object)) return undefined;
  return Object.entries(object).find(([key]) => key === name)?.[1];
}

function matchRequestPrincipal(text: string, payload: Payload | undefined): boolean {
  const [issuer, subject] = requestPrincipal(text);
  return isText(payload?.['iss'], issuer) && isText(payload?.['sub'], subject);
}

/** `iss/sub`, divided at the last slash. One wildcard, at either end; without a slash the other of the two is anything. */
function requestPrincipal(text: string): readonly [Matches, Matches] {
  const slash = text.lastIndexOf('/');
  const [issuer, subject] = slash < 0 ? [text, ''] : [text.slice(0, slash), text.slice(slash + 1)];
  const any = matchText('*');
  const exactly = (wanted: string) => (value: string) => value === wanted;
  if (text === '*') return [any, any];
  if (text.startsWith('*')) return slash < 0 ? [any, matchText(text)] : [matchText(issuer), exactly(subject)];
  if (text.endsWith('*')) return slash < 0 ? [matchText(issuer), any] : [exactly(issuer), matchText(subject)];
  return [exactly(issuer), exactly(subject)];
}

function isText(claim: unknown, matches: Matches): boolean {
  return typeof claim === 'string' && matches(claim);
}
