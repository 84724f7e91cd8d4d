/** jwt_authn of one chain on one request (source/extensions/filters/http/jwt_authn/verifier.cc). */

import type { PerFilter, Resource } from './parsed.ts';
import type { Metadata } from './rbac.ts';
import type { EdgeRequest, ProofToken } from './request.ts';
import { UnknownConfig } from './strings.ts';

export interface Provider {
  readonly issuer?: string;
  readonly audiences?: readonly string[];
  readonly local_jwks?: { readonly inline_string: string };
  readonly remote_jwks?: { readonly http_uri: { readonly uri: string } };
  readonly forward?: boolean;
  readonly payload_in_metadata?: string;
  readonly failed_status_in_metadata?: string;
  readonly normalize_payload_in_metadata?: { readonly space_delimited_claims?: readonly string[] };
}

type Requirement = Readonly<Record<string, unknown>>;

interface Config {
  readonly providers: Readonly<Record<string, Provider>>;
  readonly requirement_map?: Readonly<Record<string, Requirement>>;
}

type Status = 'ok' | 'missing' | 'unknown' | 'failed' | 'audience';

interface Outcome {
  readonly status: Status;
  readonly metadata: Metadata;
  /** Whether the token stays for the next hop. */
  readonly keeps: boolean;
}

/** The text of its keys, or where they are fetched from. */
export function keysOf({ local_jwks, remote_jwks }: Provider): string | undefined {
  return local_jwks?.inline_string ?? remote_jwks?.http_uri.uri;
}

export interface Authenticated extends Pick<Outcome, 'metadata' | 'keeps'> {
  /** Undefined where the request goes on. */
  readonly refused: 401 | 403 | undefined;
}

/** `route` is what the route says of the filter; a name of a requirement that is not there lets nobody pass. */
export function authenticate(
  extension: Resource,
  route: PerFilter[string] | undefined,
  request: EdgeRequest,
): Authenticated {
  const config = extension as unknown as Config;
  if (route === undefined || route['disabled'] === true) return { refused: undefined, metadata: {}, keeps: true };
  const needed = config.requirement_map?.[String(route['requirement_name'])];
  if (needed === undefined) return { refused: 403, metadata: {}, keeps: true };
  const { status, metadata, keeps } = new Verifier(config, request.token).requirement(needed);
  if (status === 'ok') return { refused: undefined, metadata, keeps };
  return { refused: status === 'audience' ? 403 : 401, metadata, keeps };
}

class Verifier {
  readonly #config: Config;
  readonly #token: ProofToken | undefined;

  constructor(config: Config, token: ProofToken | undefined) {
    this.#config = config;
    this.#token = token;
  }

  requirement(needed: Requirement): Outcome {
    const name = needed['provider_name'];
    if (typeof name === 'string') return this.#provider(name);
    if ('requires_any' in needed) return this.#any(partsOf(needed['requires_any']));
    if ('requires_all' in needed) return this.#all(partsOf(needed['requires_all']));
    if ('allow_missing_or_failed' in needed) return { ...this.#whicheverIssuer(), status: 'ok' };
    if ('allow_missing' in needed) {
      const found = this.#whicheverIssuer();
      return found.status === 'missing' ? { ...found, status: 'ok' } : found;
    }
    if (Object.keys(needed).length === 0) return nothing('ok');
    throw new UnknownConfig('JWT requirement', needed);
  }

  #provider(name: string): Outcome {
    const provider = this.#config.providers[name];
    const token = this.#token;
    if (token === undefined) return nothing('missing');
    if (provider === undefined || (provider.issuer ?? token.issuer) !== token.issuer) return nothing('unknown');
    const failing = { metadata: failedMetadata(provider), keeps: true };
    const keys = keysOf(provider);
    const rival = token.jwks !== undefined && keys !== undefined && !token.jwks.includes(keys);
    if (token.bad === true || rival) return { ...failing, status: 'failed' };
    if (!hasAudience(provider.audiences ?? [], token.claims['aud'])) return { ...failing, status: 'audience' };
    return { status: 'ok', metadata: payloadMetadata(provider, token), keeps: provider.forward === true };
  }

  /** Where no provider is named, the token's issuer names it; of several, Envoy asks only one, and which is not ours to say. */
  #whicheverIssuer(): Outcome {
    if (this.#token === undefined) return nothing('missing');
    const named = Object.entries(this.#config.providers).filter(([, { issuer }]) => issuer === this.#token?.issuer);
    const [first] = named;
    if (first === undefined) return nothing('unknown');
    if (named.length === 1) return this.#provider(first[0]);
    const outcomes = named.map(([name]) => this.#provider(name));
    return outcomes.find(({ status }) => status !== 'ok') ?? nothing('unknown');
  }

  /** Those that allow a missing token look at no issuer but the others'. */
  #any(parts: readonly Requirement[]): Outcome {
    const lenient = parts.some((part) => 'allow_missing_or_failed' in part);
    const optional = parts.some((part) => 'allow_missing' in part);
    const asked = parts.filter((part) => !('allow_missing' in part || 'allow_missing_or_failed' in part));
    const outcomes = asked.map((part) => this.requirement(part));
    const good = outcomes.find(({ status }) => status === 'ok');
    if (good !== undefined) return good;
    const metadata = Object.assign({}, ...outcomes.map((one) => one.metadata)) as Metadata;
    if (lenient || (optional && this.#token === undefined)) return { status: 'ok', metadata, keeps: true };
    const telling = outcomes.findLast(({ status }) => status !== 'missing' && status !== 'unknown') ?? outcomes.at(-1);
    return { status: telling?.status ?? 'missing', metadata, keeps: true };
  }

  #all(parts: readonly Requirement[]): Outcome {
    const outcomes = parts.map((part) => this.requirement(part));
    const metadata = Object.assign({}, ...outcomes.map((one) => one.metadata)) as Metadata;
    const failing = outcomes.find(({ status }) => status !== 'ok');
    return { status: failing?.status ?? 'ok', metadata, keeps: outcomes.every(({ keeps }) => keeps) };
  }
}

function partsOf(list: unknown): readonly Requirement[] {
  return (list as { readonly requirements: readonly Requirement[] }).requirements;
}

function nothing(status: Status): Outcome {
  return { status, metadata: {}, keeps: true };
}

/** 25 and up of jwt_verify_lib's codes: a signature that does not fit. */
function failedMetadata({ failed_status_in_metadata: key }: Provider): Metadata {
  return key === undefined ? {} : { [key]: { code: 25 } };
}

function payloadMetadata(provider: Provider, { issuer, claims }: ProofToken): Metadata {
  const { payload_in_metadata: key, normalize_payload_in_metadata: normal } = provider;
  if (key === undefined) return {};
  const words = (normal?.space_delimited_claims ?? []).flatMap((name) => {
    const claim = claims[name];
    return typeof claim === 'string' ? [[name, claim.split(' ').filter((word) => word !== '')]] : [];
  });
  return { [key]: { ...claims, iss: issuer, ...Object.fromEntries(words) } };
}

/** Neither the scheme nor one slash at the end counts (jwt_verify_lib). */
function hasAudience(wanted: readonly string[], claim: unknown): boolean {
  const bare = (audience: string) => audience.replace(/^https?:\/\//, '').replace(/\/$/, '');
  const found = (Array.isArray(claim) ? claim : [claim]).filter((one) => typeof one === 'string').map(bare);
  return wanted.length === 0 || wanted.some((one) => found.includes(bare(one)));
}
