/** What a gateway does with one request, and why. It must agree with what Envoy does with the configuration of the same IR. */
import type { Chain, Gateway, Listener, VirtualHost } from '../../ir/gateway.ts';
import { describeRef } from '../../kube/object.ts';
import { admit, badToken } from './admit.ts';
import { answerOf } from './answer.ts';
import { type Chosen, chooseChain, chooseEntry, chooseHost, sniOf } from './choose.ts';
import { certificateStep, forbidden, identityProblem, seenNames } from './client-certificate.ts';
import { limitStep, limitsOf } from './limits.ts';
import { type Address, addressOf, type SeenRequest, seeRequest } from './request.ts';
import type { ExplainRequest, Explanation, MatchedRoute, Outcome, Step, TokenFacts } from './types.ts';
import { describeMatch } from './words.ts';

/** Throws a RangeError when `request.url` is no http(s) URL: check it with `addressOf` where a user wrote it. */
export function explain(gateway: Gateway, request: ExplainRequest): Explanation {
  const address = addressOf(request.url);
  if (address === undefined) throw new RangeError(`${request.url} is no http or https URL`);
  const port = request.listenerPort ?? address.port;
  const chain = chooseChain(gateway, port, address, request.sni?.toLowerCase() ?? sniOf(address));
  if (typeof chain === 'string') {
    const outcome: Outcome = { kind: 'no-listener', reason: chain };
    return { outcome, steps: [step('listener', false, chain)], limits: [] };
  }
  const shown = certificateStep(chain, request);
  const question = { gateway, chain, address, request, shown: shown === undefined ? [] : [shown] };
  if (shown?.passed === false) return withoutRoute(question, { kind: 'no-listener', reason: shown.text });
  return onChain(question);
}

interface Question {
  readonly gateway: Gateway;
  readonly chain: Chain;
  readonly address: Address;
  readonly request: ExplainRequest;
  /** What became of the client's certificate, if anything did. */
  readonly shown: readonly Step[];
}

function onChain(question: Question): Explanation {
  const { gateway, chain, address, request, shown } = question;
  const clientCertificate = seenNames(chain, request.clientCertificate);
  const plain = seeRequest(gateway, request, address);
  if ('kind' in plain) return beforeRouting(question, plain);
  const foreign = identityProblem(gateway, clientCertificate);
  if (foreign !== undefined) {
    return withoutRoute({ ...question, shown: [step('certificate', false, foreign)] }, forbidden(foreign));
  }
  const seen = { ...plain, clientCertificate };
  const host = chooseHost(chain, seen.authority);
  const listener = listenerOf(gateway, chain, host);
  const base = {
    chain: chain.name,
    ...(listener === undefined ? {} : { listener }),
    ...(host === undefined ? {} : { host: host.domain }),
  };
  const steps = [
    listenerStep(gateway, chain, listener),
    ...shown,
    ...requestSteps(seen, address),
    hostStep(host, seen),
  ];
  const chosen = host === undefined || host.misdirected ? undefined : chooseEntry(host, seen);
  if (chosen === undefined) {
    const answer = host?.misdirected === true ? misdirected(host, seen) : notFound(seen);
    const bad = badToken(request.token, chain);
    const taken = step('route', bad !== undefined, answer.reason);
    return { ...base, outcome: bad?.refusal ?? answer, steps: [...steps, taken, ...(bad?.steps ?? [])], limits: [] };
  }
  const routed = onRoute(chosen, chain, seen, request.token);
  return { ...base, ...routed, steps: [...steps, ...routed.steps] };
}

function onRoute(
  { entry, variant }: Chosen,
  chain: Chain,
  seen: SeenRequest,
  facts: TokenFacts | undefined,
): Explanation {
  const route: MatchedRoute = { ref: entry.rule.route, rule: entry.rule.name, match: entry.match };
  const { refusal, token, steps: decided, ...verdict } = admit(entry, chain, seen, facts);
  const taken = step('route', true, `${describeRef(route.ref)}, rule ${route.rule}: ${describeMatch(route.match)}`);
  const steps = [taken, ...decided];
  if (refusal !== undefined || variant === undefined) {
    return { route, outcome: refusal ?? notFound(seen), steps, limits: [], ...verdict };
  }
  const limits = limitsOf(entry, chain, seen, token);
  return {
    route,
    outcome: answerOf(entry, variant, seen),
    steps: [...steps, ...limits.map(limitStep)],
    limits,
    ...verdict,
  };
}

function step(stage: Step['stage'], passed: boolean, text: string): Step {
  return { stage, passed, text, details: [] };
}

type Refused = Extract<Outcome, { readonly kind: 'refused' }>;

function misdirected({ domain }: VirtualHost, { authority }: SeenRequest): Refused {
  const reason = `another listener owns ${domain === '*' ? authority : domain}, and TLS chose this one`;
  return { kind: 'refused', status: 421, reason };
}

function notFound({ method, path }: SeenRequest): Refused {
  return { kind: 'refused', status: 404, reason: `no rule of a Route on this host matches ${method} ${path}` };
}

/** Refused or redirected by Envoy itself: no Route is asked. */
function beforeRouting(question: Question, outcome: Outcome): Explanation {
  const text =
    outcome.kind === 'redirect'
      ? 'the path holds %2f or %5c, so the client is sent to the plain path'
      : outcome.kind === 'refused'
        ? outcome.reason
        : '';
  return withoutRoute(question, outcome, [step('request', false, text)]);
}

function withoutRoute({ gateway, chain, shown }: Question, outcome: Outcome, steps: readonly Step[] = []): Explanation {
  const listener = listenerOf(gateway, chain, undefined);
  return {
    outcome,
    chain: chain.name,
    ...(listener === undefined ? {} : { listener }),
    steps: [listenerStep(gateway, chain, listener), ...shown, ...steps],
    limits: [],
  };
}

/** The listener that owns the host; before one is chosen, the only one of the chain. */
function listenerOf(gateway: Gateway, chain: Chain, host: VirtualHost | undefined): Listener | undefined {
  const own = gateway.listeners.filter(
    ({ port, protocol, hostname }) =>
      port === chain.port &&
      protocol === chain.protocol &&
      (chain.protocol === 'HTTP' || hostname === chain.serverName),
  );
  return own.find(({ name }) => name === host?.listener) ?? (own.length === 1 ? own[0] : undefined);
}

function listenerStep({ ref }: Gateway, { name, port, protocol }: Chain, listener: Listener | undefined): Step {
  const which = listener === undefined ? `chain ${name}` : `listener ${listener.name}`;
  return step('listener', true, `${describeRef(ref)}, ${which} (${protocol} on port ${port})`);
}

function requestSteps({ path, remoteIp, directIp }: SeenRequest, { target }: Address): readonly Step[] {
  const [written = ''] = target.split('?');
  return [
    ...(written === path ? [] : [step('request', true, `the path ${written} is normalised to ${path}`)]),
    ...(remoteIp === directIp ? [] : [step('request', true, `the client is ${remoteIp}, behind trusted ${directIp}`)]),
  ];
}

function hostStep(host: VirtualHost | undefined, { authority }: SeenRequest): Step {
  const domain = host?.domain ?? '*';
  return step('host', host?.misdirected !== true, domain === authority ? authority : `${authority} (as ${domain})`);
}
