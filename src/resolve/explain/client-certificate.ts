/** What a listener that asks for certificates makes of the one that a client showed. */
import type { Chain, Gateway } from '../../ir/gateway.ts';
import type { ExplainRequest, Outcome, Step } from './types.ts';
import { shortList } from './words.ts';

type Names = readonly string[] | undefined;

/** Undefined where none was shown, and none is asked for. One that did not pass: no connection comes about. */
export function certificateStep(
  { clientValidation, protocol, name }: Chain,
  { clientCertificate: names, certificateProblems }: ExplainRequest,
): Step | undefined {
  if (clientValidation === undefined) {
    if (names === undefined) return undefined;
    const why = protocol === 'HTTP' ? 'there is no TLS here' : 'the listener asks for none (tls.clientValidation)';
    return step(true, `not seen, as ${why}`);
  }
  if (names === undefined) {
    return clientValidation.required
      ? step(false, 'the listener asks for a certificate of the client, and the request shows none')
      : step(true, 'none is shown, and the listener takes clients without one (mode Optional)');
  }
  const problem = certificateProblems?.get(name);
  // A handshake fails with a bad certificate, also where none would have done.
  if (problem !== undefined) return step(false, `the certificate of the client does not verify: ${problem}`);
  return step(
    true,
    names.length === 0
      ? 'verified; it has no name that policies look at (URI or DNS, in subjectAltName)'
      : `verified; its names are ${shortList(names)}`,
  );
}

/** Names in a certificate that nobody asked for are not seen. */
export function seenNames({ clientValidation }: Chain, names: Names): readonly string[] {
  return clientValidation === undefined ? [] : (names ?? []);
}

/** As the edge's first filter has it (render/client-identity.ts): the reason of its 403. */
export function identityProblem({ mesh }: Gateway, names: readonly string[]): string | undefined {
  const uris = names.filter((name) => /^[a-z][a-z0-9+.-]*:/i.test(name));
  if (uris.length > 1) return 'the certificate of the client names several URIs, so that it could be anyone of them';
  const domains = mesh === undefined ? [] : [mesh.trustDomain, ...mesh.trustDomainAliases];
  const own = domains.some((domain) => names.some((name) => name.toLowerCase().startsWith(`spiffe://${domain}/`)));
  return own
    ? "the certificate of the client names an identity of the gateway's own mesh, and comes from outside"
    : undefined;
}

function step(passed: boolean, text: string): Step {
  return { stage: 'certificate', passed, text, details: [] };
}

export function forbidden(reason: string): Outcome {
  return { kind: 'refused', status: 403, reason };
}
