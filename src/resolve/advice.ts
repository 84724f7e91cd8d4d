/** What is valid, and still not what its author can have meant. */
import type { Guard } from '../ir/guard.ts';
import type { Finding } from '../status/finding.ts';

/** Behind a trusted proxy the TCP peer is the proxy: ipBlocks never see the client (Envoy's direct_remote_ip). */
export function peerAddressAdvice(guard: Guard, trustedHops: number): readonly Finding[] {
  if (guard.kind === 'blocked' || trustedHops === 0) return [];
  const { allow, deny } = guard.decision;
  const sources = [...allow, ...deny]
    .filter(({ constraints }) => constraints.some(({ attribute }) => attribute.kind === 'directIp'))
    .flatMap((conjunction) => conjunction.sources);
  const policies = new Map(sources.map(({ policy }) => [`${policy.namespace}/${policy.name}`, policy]));
  return [...policies.values()].map((about) => ({
    about,
    severity: 'warning',
    reason: 'NotGuarding',
    at: 'spec.authorize',
    message: `ipBlocks are compared with the TCP peer, which is a proxy: the ApiGateway trusts ${trustedHops} in front (clientIP.trustedHops)`,
    remedy: 'Use remoteIpBlocks for the address of the client',
  }));
}
