/** The limits that count a request. Not simulated: what is left of a bucket is known to each Envoy alone. */

import type { Chain, RouteEntry } from '../../ir/gateway.ts';
import type { Limit, LimitKey } from '../../ir/guard.ts';
import { describeRef } from '../../kube/object.ts';
import type { RequestFacts } from '../../policy/evaluate.ts';
import { isAddress } from './client-address.ts';
import type { SeenRequest } from './request.ts';
import type { AppliedLimit, Step } from './types.ts';

export function limitsOf(
  { limits }: RouteEntry,
  chain: Chain,
  request: SeenRequest,
  token: RequestFacts['token'],
): readonly AppliedLimit[] {
  const known = chain.uses.issuers.some(({ id }) => token?.issuers.includes(id) ?? false);
  const claims = known ? token?.claims : undefined;
  return limits.map(({ id, policy, name, requests, seconds, by, mode }: Limit) => ({
    id,
    policy,
    name,
    requests,
    seconds,
    keys: by.map((key) => ({ key, value: keyValue(key, request, claims) })),
    mode,
  }));
}

function keyValue(key: LimitKey, { headers, remoteIp }: SeenRequest, claims: unknown): string {
  switch (key.kind) {
    case 'clientIP':
      return remoteIp.includes(':') && isAddress(remoteIp) ? `${remoteIp}/64` : remoteIp;
    case 'header':
      return headers.get(key.name)?.join(',') ?? 'absent';
    case 'claim': {
      const claim = key.path.reduce<unknown>(
        (object, part) =>
          typeof object === 'object' && object !== null && Object.hasOwn(object, part)
            ? (object as Readonly<Record<string, unknown>>)[part]
            : undefined,
        claims,
      );
      return typeof claim === 'string' ? claim : 'absent';
    }
  }
}

export function limitStep({ policy, name, requests, seconds, keys, mode }: AppliedLimit): Step {
  const who = keys.map(({ key, value }) => `${nameOf(key)} ${value}`).join(' and ');
  const over = mode === 'Shadow' ? 'what is over is only counted' : 'what is over is answered 429';
  const text = `${describeRef(policy)}, limit ${name}: ${requests} requests ${periodOf(seconds)}${who === '' ? '' : ` for ${who}`}; ${over}`;
  return { stage: 'limit', passed: true, text, details: [], policy };
}

function nameOf(key: LimitKey): string {
  if (key.kind === 'clientIP') return 'client address';
  return key.kind === 'header' ? `header ${key.name}` : `claim ${key.path.join('/')}`;
}

const periods: Readonly<Record<number, string>> = { 1: 'a second', 60: 'a minute', 3600: 'an hour', 86400: 'a day' };

function periodOf(seconds: number): string {
  return periods[seconds] ?? `in ${seconds} seconds`;
}
