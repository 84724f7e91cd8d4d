/** What is valid, and still not what its author can have meant. */
import type { Rule } from '../ir/gateway.ts';
import type { Guard, Policy } from '../ir/guard.ts';
import { describeRef, keyOf } from '../kube/object.ts';
import { type Attribute, observability } from '../policy/attribute.ts';
import { edgeDecision } from '../policy/planes.ts';
import type { Finding } from '../status/finding.ts';
import type { GatewayContext } from './world.ts';

export function advice(rule: Rule, guard: Guard, gateway: GatewayContext): readonly Finding[] {
  if (guard.kind === 'blocked') return [];
  return [
    ...peerAddressAdvice(guard, gateway.trustedHops),
    ...noMeshAdvice(guard, gateway),
    ...noCertificateAdvice(guard, gateway),
    ...insideOnlyAdvice(rule, guard),
  ];
}

type Guarded = Extract<Guard, { readonly kind: 'guarded' }>;

/** Behind a trusted proxy the TCP peer is the proxy: ipBlocks never see the client (Envoy's direct_remote_ip). */
export function peerAddressAdvice(guard: Guarded, trustedHops: number): readonly Finding[] {
  if (trustedHops === 0) return [];
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

/** Who comes through the gateway has no identity of a mesh, and behind it nobody looks at one. */
function noMeshAdvice({ parts }: Guarded, gateway: GatewayContext): readonly Finding[] {
  if (gateway.mesh !== undefined) return [];
  return parts
    .filter(({ policy }) => looksAtIdentities(policy))
    .map(({ policy }) => ({
      about: policy.ref,
      severity: 'warning',
      reason: 'NotObservable',
      at: 'spec.authorize',
      message: `its rules are about callers inside the mesh, and ApiGateway ${keyOf(gateway.ref.namespace, gateway.ref.name)} is in none: there they admit and refuse nobody`,
      remedy: 'Set spec.mesh.mode of the ApiGateway, or ask for something that it sees',
    }));
}

function looksAtIdentities(policy: Policy): boolean {
  return looksAt(policy, (attribute) => observability(attribute) === 'mesh');
}

function looksAt({ decision }: Policy, isWanted: (attribute: Attribute) => boolean): boolean {
  return [...decision.deny, ...decision.allow].some(({ constraints }) =>
    constraints.some(({ attribute }) => isWanted(attribute)),
  );
}

/** Nobody shows a certificate that is not asked for. */
function noCertificateAdvice({ parts }: Guarded, { ref, listeners }: GatewayContext): readonly Finding[] {
  if (listeners.some(({ spec }) => spec.tls?.clientValidation !== undefined)) return [];
  const blind = parts.filter(({ policy }) => looksAt(policy, ({ kind }) => kind === 'clientCertificate'));
  return blind.map(({ policy }) => ({
    about: policy.ref,
    severity: 'warning',
    reason: 'NotGuarding',
    at: 'spec.authorize',
    message: `its rules look at certificates of clients, and no listener of ApiGateway ${keyOf(ref.namespace, ref.name)} asks for one`,
    remedy: 'Set tls.clientValidation of the listener',
  }));
}

/** Easily done by a policy that was to let one more caller in: policies only tighten. */
function insideOnlyAdvice({ route, index, name }: Rule, { decision, parts }: Guarded): readonly Finding[] {
  if (decision.allow.length === 0 || edgeDecision(decision).allow.length > 0) return [];
  const [strictest] = parts.filter(({ policy }) => edgeDecision(policy.decision).allow.length === 0);
  const because =
    strictest === undefined ? 'its policies together admit' : `${describeRef(strictest.policy.ref)} admits`;
  return [
    {
      about: route,
      severity: 'warning',
      reason: 'Unsatisfiable',
      at: `spec.rules[${index}]`,
      message: `rule ${name} answers 403 to everyone from outside, because ${because} callers inside the mesh alone`,
      remedy: 'Add a rule to the policy for callers from outside, or leave the Route to those inside',
    },
  ];
}
