/** What a listener that asks for certificates makes of the one that a client showed. */
import type { Chain, Gateway } from '../../ir/gateway.ts';
import type { Outcome } from './types.ts';

type Names = readonly string[] | undefined;

/** Why no connection comes about. */
export function handshakeProblem({ clientValidation }: Chain, names: Names): string | undefined {
  if (clientValidation?.required !== true || names !== undefined) return undefined;
  return 'the listener asks for a certificate of the client, and the request shows none';
}

/** Names in a certificate that nobody asked for are not seen. */
export function seenNames({ clientValidation }: Chain, names: Names): readonly string[] {
  return clientValidation === undefined ? [] : (names ?? []);
}

/** As the edge's first filter has it (render/client-identity.ts). */
export function identityProblem({ mesh }: Gateway, names: readonly string[]): Outcome | undefined {
  const uris = names.filter((name) => /^[a-z][a-z0-9+.-]*:/i.test(name));
  if (uris.length > 1)
    return refused('the certificate of the client names several URIs, so that it could be anyone of them');
  const domains = mesh === undefined ? [] : [mesh.trustDomain, ...mesh.trustDomainAliases];
  const own = domains.some((domain) => names.some((name) => name.toLowerCase().startsWith(`spiffe://${domain}/`)));
  return own
    ? refused("the certificate of the client names an identity of the gateway's own mesh, and comes from outside")
    : undefined;
}

function refused(reason: string): Outcome {
  return { kind: 'refused', status: 403, reason };
}
