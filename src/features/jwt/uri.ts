/** Addresses that a tenant may not make the edge call: its own loopback, and the cloud's metadata. */
import ipaddr from 'ipaddr.js';

const refusedRanges = ['loopback', 'linkLocal', 'unspecified', 'multicast', 'broadcast', 'reserved'];

/** Why Envoy may not fetch from the host, or undefined. */
export function hostProblem(host: string): string | undefined {
  const bare = host
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();
  if (bare === 'localhost' || bare.endsWith('.localhost')) return `${host} is this machine itself`;
  if (bare === 'metadata.google.internal' || bare === 'metadata') return `${host} is the cloud's metadata service`;
  // Old notations (0x7f.1, 2130706433) reach loopback through some resolvers.
  if (/^(0x[0-9a-f]+|\d+)(\.(0x[0-9a-f]+|\d+)){0,3}$/.test(bare) && !ipaddr.IPv4.isValidFourPartDecimal(bare)) {
    return `${host} is not a hostname or a plain IP address`;
  }
  if (!ipaddr.isValid(bare)) return undefined;
  const range = ipaddr.process(bare).range();
  return refusedRanges.includes(range) ? `${host} is a ${range} address` : undefined;
}
