/** What differs between two forms of a gateway beside its routes: where it listens, and how its fleet runs. */
import type { Chain, Gateway, Listener } from '../../ir/gateway.ts';
import type { ObjectKey } from '../../kube/object.ts';
import { keyOf } from '../../kube/object.ts';
import { edgeDecision } from '../../policy/planes.ts';
import { canonical } from './answers.ts';
import { type ChainPair, chainPairs } from './doors.ts';
import { signerName, signersOf } from './issuers.ts';
import type { Effect, GatewayChange } from './types.ts';

export function gatewayChanges(
  gateway: ObjectKey,
  before: Gateway | undefined,
  after: Gateway | undefined,
): readonly GatewayChange[] {
  const pairs = chainPairs(gateway, before, after);
  const change = (what: GatewayChange['what'], name: string, sides: readonly [string, string], effect: Effect) => ({
    gateway,
    what,
    name,
    before: sides[0],
    after: sides[1],
    effect,
  });
  const made: GatewayChange[] =
    before === undefined || after === undefined
      ? [change('gateway', '', [stateOf(before), stateOf(after)], before === undefined ? 'opens' : 'closes')]
      : [];
  const doors = listenerPairs(before, after).map(([name, old, now]) =>
    change('listener', name, [wordsOf(old), wordsOf(now)], listenerEffect(old, now)),
  );
  const certificates = pairs.flatMap((pair) => {
    const sides = [certificatesOf(pair.before), certificatesOf(pair.after)] as const;
    const both = pair.before !== undefined && pair.after !== undefined;
    return both && sides[0] !== sides[1] ? [change('certificates', chainName(pair), sides, 'differs')] : [];
  });
  const hops = [`${before?.trustedHops}`, `${after?.trustedHops}`] as const;
  const clients =
    before !== undefined && after !== undefined && hops[0] !== hops[1]
      ? [change('client addresses', '', [hopWords(before), hopWords(after)], 'shifts')]
      : [];
  const tokens = pairs.flatMap((pair) =>
    tokenChanges(pair).map(([name, sides, effect]) =>
      change('bad tokens', `${chainName(pair)} ${name}`, sides, effect),
    ),
  );
  return [...made, ...doors, ...certificates, ...clients, ...tokens, ...fleetChanges(gateway, before, after)];
}

function stateOf(gateway: Gateway | undefined): string {
  return gateway === undefined ? '' : 'there';
}

function chainName({ protocol, port, serverName }: ChainPair): string {
  return `${protocol} ${port}${protocol === 'HTTPS' && serverName !== '*' ? ` ${serverName}` : ''}`;
}

type ListenerPair = readonly [name: string, before: Listener | undefined, after: Listener | undefined];

/** By port, protocol and hostname: what a listener is called reaches no client. */
function listenerPairs(before: Gateway | undefined, after: Gateway | undefined): readonly ListenerPair[] {
  const [old, now] = [byPlace(before), byPlace(after)];
  return [...new Set([...old.keys(), ...now.keys()])]
    .map((name): ListenerPair => [name, old.get(name), now.get(name)])
    .filter(([, one, other]) => wordsOf(one) !== wordsOf(other));
}

function byPlace(gateway: Gateway | undefined): ReadonlyMap<string, Listener> {
  // Of two on one place, the one that is served counts.
  const listeners = (gateway?.listeners ?? []).toSorted((a, b) => Number(a.served) - Number(b.served));
  return new Map(
    listeners.map((one) => [`${one.protocol} ${one.port}${one.hostname === undefined ? '' : ` ${one.hostname}`}`, one]),
  );
}

function wordsOf(listener: Listener | undefined): string {
  if (listener === undefined) return '';
  return listener.served ? 'served' : 'not served';
}

/** A port that opens admits nobody yet: routes say who may call. */
function listenerEffect(before: Listener | undefined, after: Listener | undefined): Effect {
  return before?.served === true && after?.served !== true ? 'closes' : 'differs';
}

function certificatesOf(chain: Chain | undefined): string {
  return (chain?.certificates ?? []).map(({ secret }) => `Secret ${keyOf(secret.namespace, secret.name)}`).join(', ');
}

function hopWords({ trustedHops }: Gateway): string {
  return trustedHops === 0 ? 'the TCP peer' : `X-Forwarded-For behind ${trustedHops} trusted`;
}

type TokenChange = readonly [issuer: string, sides: readonly [string, string], effect: Effect];

/** A token that is not needed is refused all the same where it names a known issuer and does not verify. */
function tokenChanges({ before, after }: ChainPair): readonly TokenChange[] {
  if (before === undefined || after === undefined) return [];
  const [old, now] = [refusedBy(before), refusedBy(after)];
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((issuer): readonly TokenChange[] => {
    const [was, is] = [old.get(issuer), now.get(issuer)];
    const opens = was !== undefined && (is === undefined || [...is].some((signer) => !was.has(signer)));
    const closes = is !== undefined && (was === undefined || [...was].some((signer) => !is.has(signer)));
    if (!opens && !closes) return [];
    const words = (signers: ReadonlySet<string> | undefined) =>
      signers === undefined ? 'ignored where none is needed' : `refused everywhere, ${keyCount(signers.size)} known`;
    const effect = opens ? (closes ? 'shifts' : 'opens') : 'closes';
    // Who is not admitted without a token is not admitted with a bad one.
    return [[issuer, [words(was), words(is)], isPublic(before) && isPublic(after) ? effect : 'differs']];
  });
}

function keyCount(count: number): string {
  return `${count} ${count === 1 ? 'key' : 'keys'}`;
}

/** Some rule needs no token. */
function isPublic({ virtualHosts }: Chain): boolean {
  return virtualHosts.some(({ entries }) =>
    entries.some(
      ({ guard, rule }) =>
        guard.kind === 'guarded' &&
        guard.issuers.length === 0 &&
        edgeDecision(guard.decision).allow.length > 0 &&
        rule.blocked === undefined,
    ),
  );
}

/** By issuer: whose tokens are good. */
function refusedBy({ uses, refusing }: Chain): ReadonlyMap<string, ReadonlySet<string>> {
  const known = uses.issuers.filter(({ id }) => refusing.has(id));
  return new Map(known.map((one) => [one.issuer, new Set(signersOf(one).map(signerName))]));
}

/** The deployment and the Service, field by field. */
function fleetChanges(
  gateway: ObjectKey,
  before: Gateway | undefined,
  after: Gateway | undefined,
): readonly GatewayChange[] {
  if (before === undefined || after === undefined) return [];
  const parts = [
    ['fleet', before.workload, after.workload],
    ['service', before.exposure, after.exposure],
  ] as const;
  return parts.flatMap(([what, one, other]) => {
    const [old, now] = [leaves(one), leaves(other)];
    return [...new Set([...old.keys(), ...now.keys()])]
      .filter((name) => old.get(name) !== now.get(name))
      .map((name): GatewayChange => {
        return { gateway, what, name, before: old.get(name) ?? '', after: now.get(name) ?? '', effect: 'differs' };
      });
  });
}

/** Of two levels: `scale.replicas`, `pods.labels`. */
function leaves(value: object): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [name, each] of Object.entries(value)) {
    const parts = isPlain(each)
      ? Object.entries(each).map(([key, one]) => [`${name}.${key}`, one] as const)
      : [[name, each] as const];
    for (const [path, one] of parts) if (one !== undefined) found.set(path, leafText(one));
  }
  return found;
}

function leafText(value: unknown): string {
  if (value instanceof Map) return canonical([...value]);
  return typeof value === 'string' || typeof value === 'number' ? String(value) : canonical(value);
}

function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Map);
}
