import { hash } from 'node:crypto';
import type { Issuer, KeySource } from '../../ir/guard.ts';
import type { Author, Lookup } from '../../ir/lookup.ts';
import { describeRef, type ObjectRef } from '../../kube/object.ts';
import type { Finding, Reason } from '../../status/finding.ts';
import { grantAccess, noAccess } from '../secret-access.ts';
import { readJwks } from './jwks.ts';
import type { JwtSpec } from './schema.ts';
import { hostProblem } from './uri.ts';

export interface AcceptedIssuer {
  readonly issuer: Issuer;
  /** Undefined admits every audience. */
  readonly audiences: readonly string[] | undefined;
}

export type ResolvedIssuer =
  | { readonly ok: true; readonly value: AcceptedIssuer; readonly findings: readonly Finding[] }
  | { readonly ok: false; readonly findings: readonly Finding[] };

export function resolveIssuer(spec: JwtSpec, author: Author, lookup: Lookup): ResolvedIssuer {
  const keys = findKeys(spec.jwks, author.about, lookup);
  if ('reason' in keys) {
    const at = `${author.at}.jwks.${keys.at}`;
    return { ok: false, findings: [{ about: author.about, severity: 'error', ...keys, at }] };
  }
  const id = lookup.once(JSON.stringify([spec.issuer, keys]), shortHash);
  const plain = keys.kind === 'remote' && keys.uri.startsWith('http://');
  return {
    ok: true,
    value: { issuer: { id, issuer: spec.issuer, keys }, audiences: spec.audiences },
    findings: plain ? [plainHttp(author)] : [],
  };
}

function shortHash(text: string): string {
  return hash('sha256', text).slice(0, 12);
}

interface Problem {
  readonly reason: Reason;
  readonly at: string;
  readonly message: string;
  readonly remedy: string;
}

function findKeys(jwks: JwtSpec['jwks'], about: ObjectRef, lookup: Lookup): KeySource | Problem {
  if (jwks.uri !== undefined) return keysAt(jwks.uri, lookup);
  if (jwks.inline !== undefined) return inlineKeys(jwks.inline, 'inline', 'the JWKS', lookup);
  if (jwks.configMapRef !== undefined) {
    const { name, key = 'jwks.json' } = jwks.configMapRef;
    const ref = { kind: 'ConfigMap', namespace: about.namespace, name };
    const found = lookup.canReference(about, { ...ref, group: '' }) ? lookup.configMap(ref.namespace, name) : undefined;
    return found === undefined
      ? missing(ref, 'configMapRef')
      : keysIn(found.data, key, { ref, at: 'configMapRef' }, lookup);
  }
  const { name, key = 'jwks.json' } = jwks.secretRef ?? { name: '' };
  const ref = { kind: 'Secret', namespace: about.namespace, name };
  const found = lookup.canReference(about, { ...ref, group: '' }) ? lookup.secret(ref.namespace, name) : undefined;
  if (found?.unread !== undefined) return unread(ref);
  return found === undefined
    ? missing(ref, 'secretRef')
    : keysIn(secretText(found), key, { ref, at: 'secretRef' }, lookup);
}

function secretText(secret: {
  readonly data?: Readonly<Record<string, string>>;
  readonly stringData?: Readonly<Record<string, string>>;
}): Readonly<Record<string, string>> {
  const decoded = Object.entries(secret.data ?? {}).map(([key, value]) => [
    key,
    Buffer.from(value, 'base64').toString(),
  ]);
  return { ...Object.fromEntries(decoded), ...secret.stringData };
}

function keysIn(
  data: Readonly<Record<string, string>> | undefined,
  key: string,
  { ref, at }: { readonly ref: ObjectRef; readonly at: string },
  lookup: Lookup,
): KeySource | Problem {
  const text = data?.[key];
  if (text !== undefined) return inlineKeys(text, at, `${key} of ${describeRef(ref)}`, lookup);
  return {
    reason: 'InvalidJwks',
    at: `${at}.key`,
    message: `${describeRef(ref)} has no key ${key}`,
    remedy: `Store the JWKS under ${key}, or name its key`,
  };
}

function missing(ref: ObjectRef, at: string): Problem {
  return {
    reason: 'InvalidJwks',
    at: `${at}.name`,
    message: `${describeRef(ref)} does not exist`,
    remedy: `Create the ${ref.kind} in namespace ${ref.namespace}, or correct the name`,
  };
}

function unread(ref: ObjectRef): Problem {
  return {
    reason: 'InvalidJwks',
    at: 'secretRef.name',
    message: `${describeRef(ref)} ${noAccess}`,
    remedy: `${grantAccess}, or keep the JWKS in a ConfigMap: its keys are public`,
  };
}

function inlineKeys(text: string, at: string, what: string, lookup: Lookup): KeySource | Problem {
  const read = lookup.once(text, readJwks);
  if (read.ok) return { kind: 'inline', jwks: read.jwks };
  return {
    reason: 'InvalidJwks',
    at,
    message: `${what} cannot be used: ${read.problem}`,
    remedy: 'Give a JWKS (RFC 7517) of public RSA, EC or Ed25519 keys',
  };
}

/** In a mesh somebody has fetched them, so that both sides know the same ones. */
function keysAt(uri: string, lookup: Lookup): KeySource | Problem {
  const keys = remoteKeys(uri);
  const fetched = 'reason' in keys ? undefined : lookup.fetchedKeys(uri);
  if (fetched === undefined) return keys;
  if (fetched.jwks !== undefined) return inlineKeys(fetched.jwks, 'uri', `the JWKS of ${uri}`, lookup);
  return {
    reason: 'InvalidJwks',
    at: 'uri',
    message: `the JWKS of ${uri} is not there: ${fetched.problem ?? 'it has not been fetched yet'}`,
    remedy: 'Mend what answers there, or give the keys inline or in a ConfigMap',
  };
}

function remoteKeys(uri: string): KeySource | Problem {
  const url = URL.canParse(uri) ? new URL(uri) : undefined;
  const problem = url === undefined ? 'it is not a URL' : hostProblem(url.hostname);
  if (problem === undefined) return { kind: 'remote', uri };
  return {
    reason: 'InvalidJwks',
    at: 'uri',
    message: `the JWKS cannot be fetched from there: ${problem}`,
    remedy: "Name the issuer's own JWKS endpoint, reachable from the gateway",
  };
}

function plainHttp(author: Author): Finding {
  return {
    about: author.about,
    severity: 'warning',
    reason: 'InvalidJwks',
    at: `${author.at}.jwks.uri`,
    message: 'the JWKS is fetched over plain http: whoever can answer for that host can forge tokens',
    remedy: 'Use https',
  };
}
