/** A client's certificate as Envoy takes it: the names that it sees, and whether it believes who signed it. */
import { X509Certificate } from 'node:crypto';
import type { Gateway } from '../../ir/gateway.ts';
import type { ExplainRequest } from '../../resolve/explain/types.ts';

export interface ClientCertificate {
  /** Subject alternative names, URIs before DNS names, as Envoy asks for them; never the subject. */
  readonly names: readonly string[];
  /** The client's own, then those that its authority signed with; absent for names that are taken to verify. */
  readonly chain?: readonly [X509Certificate, ...X509Certificate[]];
}

const block = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/** Of what else a PEM file holds, such as a private key, nothing is read. A sentence part says what is wrong. */
export function readCertificate(pem: string): ClientCertificate | string {
  const read = (pem.match(block) ?? []).map(parsed);
  const [own, ...others] = read;
  if (own === undefined) return 'holds no certificate in PEM (-----BEGIN CERTIFICATE-----)';
  const broken = read.indexOf('broken');
  if (own === 'broken' || broken >= 0) return `holds, as certificate ${broken + 1}, something that is none`;
  return { names: namesOf(own), chain: [own, ...others.filter((one) => one !== 'broken')] };
}

function parsed(pem: string): X509Certificate | 'broken' {
  try {
    return new X509Certificate(pem);
  } catch {
    return 'broken';
  }
}

/** Of a certificate that is taken to verify. */
export function namedCertificate(names: readonly string[]): ClientCertificate | string {
  const bare = names.map((name) => name.replace(/^(URI|DNS):/, ''));
  const odd = bare.find((name) => !/^[!-~]+$/.test(name));
  if (odd !== undefined) return `${JSON.stringify(odd)} is no name of a certificate`;
  const isUri = (name: string) => /^[a-z][a-z0-9+.-]*:/i.test(name);
  return { names: [...bare.filter(isUri), ...bare.filter((name) => !isUri(name))] };
}

/** Node puts what could be mistaken for its own commas into JSON. */
const entry = /(?:^|, )([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,]*)/g;

function namesOf({ subjectAltName = '' }: X509Certificate): readonly string[] {
  const all = [...subjectAltName.matchAll(entry)].map(([, kind, text = '']) => ({
    kind,
    name: text.startsWith('"') ? String(JSON.parse(text)) : text,
  }));
  return ['URI', 'DNS'].flatMap((wanted) => all.filter(({ kind }) => kind === wanted).map(({ name }) => name));
}

/** What `explain` is told of it. */
export function certificateFacts(
  { chains }: Gateway,
  { names, chain }: ClientCertificate,
  now: Date,
): Pick<ExplainRequest, 'clientCertificate' | 'certificateProblems'> {
  if (chain === undefined) return { clientCertificate: names };
  const problems = chains.flatMap(({ name, clientValidation }) => {
    const problem = clientValidation && problemOf(chain, clientValidation.roots, now);
    return problem === undefined ? [] : [[name, problem] as const];
  });
  return { clientCertificate: names, certificateProblems: new Map(problems) };
}

/** As BoringSSL verifies a client for Envoy: any authority of the bundle ends the chain, whoever signed it. A clause. */
function problemOf(
  [own, ...others]: NonNullable<ClientCertificate['chain']>,
  bundle: string,
  now: Date,
): string | undefined {
  const roots = (bundle.match(block) ?? []).map(parsed).filter((one) => one !== 'broken');
  const path = pathTo(own, others, roots);
  if (path === undefined) {
    return `no authority that the listener believes (${namesIn(roots)}) has signed it; ${describe(own)} was signed by ${oneLine(own.issuer)}`;
  }
  const usages = own.keyUsage as readonly string[] | undefined;
  if (usages !== undefined && !usages.includes(clientAuth)) {
    return `${describe(own)} is not for clients: its extended key usage is without clientAuth`;
  }
  return path.map((one) => timeProblem(one, now)).find((problem) => problem !== undefined);
}

/** Extended key usage (RFC 5280 §4.2.1.12). */
const clientAuth = '1.3.6.1.5.5.7.3.2';

/** From the client's own to one of the roots. */
function pathTo(
  from: X509Certificate,
  others: readonly X509Certificate[],
  roots: readonly X509Certificate[],
): readonly X509Certificate[] | undefined {
  const root = roots.find((one) => isSame(one, from) || isSignedBy(from, one));
  if (root !== undefined) return isSame(root, from) ? [from] : [from, root];
  for (const next of others.filter((one) => one.ca && isSignedBy(from, one))) {
    const rest = pathTo(
      next,
      others.filter((one) => one !== next),
      roots,
    );
    if (rest !== undefined) return [from, ...rest];
  }
  return undefined;
}

function isSame(one: X509Certificate, other: X509Certificate): boolean {
  return one.fingerprint256 === other.fingerprint256;
}

function isSignedBy(one: X509Certificate, authority: X509Certificate): boolean {
  return one.checkIssued(authority) && one.verify(authority.publicKey);
}

function timeProblem(one: X509Certificate, now: Date): string | undefined {
  const [from, to] = [new Date(one.validFrom), new Date(one.validTo)];
  if (now < from) return `${describe(one)} is not valid before ${from.toISOString()}`;
  return now > to ? `${describe(one)} has expired at ${to.toISOString()}` : undefined;
}

function namesIn(roots: readonly X509Certificate[]): string {
  return roots.map(({ subject }) => oneLine(subject)).join(', ');
}

function describe({ subject }: X509Certificate): string {
  return subject === '' ? 'the certificate' : oneLine(subject);
}

/** Node writes a line each. */
function oneLine(name: string): string {
  return name.replaceAll('\n', ' ');
}
