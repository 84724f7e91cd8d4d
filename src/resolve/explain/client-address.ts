/** Who the client is behind trusted proxies: use_remote_address with xff_num_trusted_hops. */
import { parseCidr } from '../../policy/cidr.ts';

/**
 * The `trustedHops`-th address of X-Forwarded-For from the right, as the outermost trusted proxy wrote it; the TCP peer
 * where there is no such entry or it is no plain address (`1.2.3.4:80` and `[::1]` are none to Envoy).
 */
export function clientBehind(trustedHops: number, forwardedFor: readonly string[], peer: string): string {
  if (trustedHops === 0) return peer;
  const entries = forwardedFor.filter((line) => line !== '').flatMap((line) => line.split(','));
  const entry = entries.at(-trustedHops)?.trim() ?? '';
  return isAddress(entry) ? entry : peer;
}

export function isAddress(text: string): boolean {
  return !text.includes('/') && parseCidr(text.replace(/%.*$/, '')) !== undefined;
}
