/** `evengate explain`: which route answers a request, and what each policy says to it. */
import { readFile } from 'node:fs/promises';
import type { Gateway } from '../../ir/gateway.ts';
import type { ObjectKey } from '../../kube/object.ts';
import { type ProofWorld, proofWorld } from '../../proof/world.ts';
import { isAddress } from '../../resolve/explain/client-address.ts';
import { explain } from '../../resolve/explain/explain.ts';
import { addressOf } from '../../resolve/explain/request.ts';
import type { Explanation, TokenClaims } from '../../resolve/explain/types.ts';
import type { Resolution } from '../../resolve/resolve.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { textReport } from '../findings.ts';
import type { Io } from '../io.ts';
import { complain, loadSource, type SourceOptions, showNotes } from '../load.ts';
import { tokenNotes } from '../remote-keys.ts';
import { type Asked, explainCaller, readCaller } from './caller.ts';
import { type ClientCertificate, certificateFacts, namedCertificate, readCertificate } from './certificate.ts';
import { behindEdge } from './mesh.ts';
import { type Explained, jsonCaller, jsonExplanation, textCaller, textExplanation } from './report.ts';
import { claimedToken, issuersOf, tokenFacts } from './token.ts';

export interface ExplainOptions extends SourceOptions {
  /** `name: value` each. */
  readonly header?: readonly string[];
  readonly claims?: string;
  readonly clientIp?: string;
  /** Path of a PEM file. */
  readonly clientCert?: string;
  /** Names in a certificate that verifies. */
  readonly clientCertSan?: readonly string[];
  readonly gateway?: string;
  /** `edge`, or the ServiceAccount of a caller inside the mesh, `namespace/name`. */
  readonly from?: string;
  readonly output?: 'text' | 'json';
}

/** `written` is `GET https://host/path`, or a URL alone. */
export async function explainRequest(written: string, options: ExplainOptions, io: Io): Promise<ExitCode> {
  const asked = readRequest(written, options);
  if (typeof asked === 'string') return unusable(io, asked);
  const caller = options.from === undefined || options.from === 'edge' ? undefined : readCaller(options.from);
  if (typeof caller === 'string') return unusable(io, caller);
  if (caller !== undefined && asksGateways(options)) {
    return unusable(io, '--from a service account asks no gateway: leave out --gateway and --client-cert');
  }
  const certificate = await shownCertificate(options);
  if (typeof certificate === 'string') return unusable(io, certificate);
  const { set, resolution, findings, nothing, notes } = await loadSource(options, io);
  if (set.problems.length > 0) io.stderr.write(textReport(findings, io.stderr));
  if (nothing !== undefined) return unusable(io, nothing);
  showNotes(io, notes);
  const ended = set.problems.length > 0 ? exitCodes.unusable : exitCodes.done;
  if (caller !== undefined) {
    const explained = await explainCaller(caller, asked, resolution, set.snapshot.Service);
    if (typeof explained === 'string') return unusable(io, explained);
    const report = options.output === 'json' ? jsonCaller : textCaller;
    io.stdout.write(report(asked.request, explained, io.stdout));
    tellNotes(explained.notes, options, io);
    return ended;
  }
  const gateways = chosenGateways(resolution, options);
  if (typeof gateways === 'string') return unusable(io, gateways);
  const world = once(() => proofWorld(resolution));
  const question = { ...asked, ...(certificate && { certificate }) };
  const all = await Promise.all(gateways.map(async (gateway) => await explainOn(gateway, question, world)));
  const answers = answering(all);
  const report = options.output === 'json' ? jsonExplanation : textExplanation;
  io.stdout.write(report(asked.request, answers, io.stdout));
  tellNotes(
    answers.flatMap((one) => one.notes),
    options,
    io,
  );
  return ended;
}

/** JSON has them where they belong. */
function tellNotes(notes: readonly string[], { output }: ExplainOptions, io: Io): void {
  if (output !== 'json') showNotes(io, [...new Set(notes)]);
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

function unusable(io: Io, sentence: string): ExitCode {
  complain(io, sentence);
  return exitCodes.unusable;
}

/** A sentence says what cannot be read. */
function readRequest(written: string, options: ExplainOptions): Asked | string {
  const [first = '', second, ...rest] = written.trim().split(/ +/);
  const url = second ?? first;
  // Neither is repeated: it may be a password.
  if (/^https?:\/\/[^/?#]*@/i.test(url)) {
    return "a URL with a user is sent by nobody; write -H 'authorization: Basic …' instead";
  }
  const address = rest.length > 0 ? undefined : addressOf(url);
  if (address === undefined) return `${JSON.stringify(written)} is not a request; write it as 'GET https://host/path'`;
  if (address.port < 1 || address.port > 65_535) return `${address.port} is no port: they go from 1 to 65535`;
  const headers = (options.header ?? []).map(readHeader);
  const unreadable = headers.find((header) => typeof header === 'string');
  if (unreadable !== undefined) return unreadable;
  const clientAddress = options.clientIp ?? '127.0.0.1';
  if (!isAddress(clientAddress)) return `--client-ip ${clientAddress} is not an IP address`;
  const claims = options.claims === undefined ? undefined : readClaims(options.claims);
  if (typeof claims === 'string') return claims;
  const lines = headers.filter((header) => typeof header !== 'string');
  if (claims !== undefined && lines.some(([name]) => name.toLowerCase() === 'authorization')) {
    return '--claims and an authorization header exclude each other: give one of them';
  }
  return { request: { method: second === undefined ? 'GET' : first, url, headers: lines, clientAddress }, claims };
}

function readHeader(text: string): readonly [string, string] | string {
  const colon = text.indexOf(':');
  if (colon < 1) return `-H ${JSON.stringify(text)} is not a header; write it as 'name: value'`;
  return [text.slice(0, colon).trim(), text.slice(colon + 1).trim()];
}

function readClaims(text: string): TokenClaims | string {
  try {
    const claims: unknown = JSON.parse(text);
    if (typeof claims === 'object' && claims !== null && 'iss' in claims && typeof claims.iss === 'string') {
      return { ...claims };
    }
  } catch {
    // Said below, as for any other text that is no object.
  }
  return `--claims is not a JSON object with an iss, such as {"iss": "https://login.example.com", "sub": "alice"}`;
}

function asksGateways({ gateway, clientCert, clientCertSan = [] }: ExplainOptions): boolean {
  return gateway !== undefined || clientCert !== undefined || clientCertSan.length > 0;
}

async function shownCertificate({
  clientCert: path,
  clientCertSan: names = [],
}: ExplainOptions): Promise<ClientCertificate | string | undefined> {
  if (path === undefined) {
    const named = names.length === 0 ? undefined : namedCertificate(names);
    return typeof named === 'string' ? `--client-cert-san ${named}` : named;
  }
  if (names.length > 0) return '--client-cert and --client-cert-san exclude each other: give one of them';
  try {
    const read = readCertificate(await readFile(path, 'utf8'));
    return typeof read === 'string' ? `--client-cert ${path} ${read}` : read;
  } catch (error) {
    return `--client-cert ${path} cannot be read: ${(error as Error).message}`;
  }
}

type NamedGateway = readonly [ObjectKey, Gateway];

/** A host is asked for wherever it is served; `-n` names a namespace of ApiGateways. */
function chosenGateways(
  { gateways: all, gatewayUnits, className }: Resolution,
  { gateway, namespace }: ExplainOptions,
): readonly NamedGateway[] | string {
  const gateways = [...all].toSorted(([a], [b]) => (a < b ? -1 : 1));
  if (gateways.length === 0) {
    const others = [...new Set([...gatewayUnits.values()].map((unit) => unit.className))].filter(
      (of) => of !== className,
    );
    const hint = others.length === 0 ? '' : `; --class names another: ${others.toSorted().join(', ')}`;
    return `there is no ApiGateway of class ${className} that can be read${hint}`;
  }
  const named = gateways.filter(
    ([key, { ref }]) => (gateway ?? key) === key && (namespace ?? ref.namespace) === ref.namespace,
  );
  const known = gateways.map(([key]) => key).join(', ');
  return named.length > 0
    ? named
    : `there is no ApiGateway ${gateway ?? `in namespace ${namespace}`}; there is ${known}`;
}

async function explainOn(
  [key, gateway]: NamedGateway,
  { request, claims, certificate }: Asked & { readonly certificate?: ClientCertificate },
  world: () => ProofWorld,
): Promise<Explained> {
  const now = new Date();
  const issuers = issuersOf(gateway);
  const lines = request.headers.filter(([name]) => name.toLowerCase() === 'authorization').map(([, value]) => value);
  const header = lines.length === 0 ? undefined : lines.join(',');
  const token = claims === undefined ? await tokenFacts(header, issuers, now) : claimedToken(claims, issuers);
  const known = {
    ...request,
    ...(token === undefined ? {} : { token }),
    ...(certificate === undefined ? {} : certificateFacts(gateway, certificate, now)),
  };
  const explanation = explain(gateway, known);
  const isBehind = gateway.mesh !== undefined && explanation.outcome.kind === 'forward';
  const mesh = isBehind ? behindEdge(gateway, known, world()) : [];
  return { gateway: key, explanation, mesh, notes: tokenNotes(token, issuers) };
}

/** Those with a route for the host and path, else those that know the host, else those that listen, else all. */
function answering(all: readonly Explained[]): readonly Explained[] {
  const tests: readonly ((one: Explanation) => boolean)[] = [
    ({ route }) => route !== undefined,
    ({ host, outcome }) => outcome.kind !== 'no-listener' && host !== undefined && host !== '*',
    ({ chain }) => chain !== undefined,
  ];
  const found = tests.map((test) => all.filter(({ explanation }) => test(explanation)));
  return found.find(({ length }) => length > 0) ?? all;
}
