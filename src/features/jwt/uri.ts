/** Addresses that a tenant may not make the edge or the operator call: its own loopback, and the cloud's metadata. */
import ipaddr from 'ipaddr.js';

const refusedRanges: Readonly<Record<string, string>> = {
  loopback: 'a loopback',
  linkLocal: 'a link-local',
  unspecified: 'an unspecified',
  multicast: 'a multicast',
  broadcast: 'a broadcast',
  reserved: 'a reserved',
};

/** Beside link-local ones: of AWS over IPv6, of Alibaba, and Azure's WireServer. */
const metadataAddresses = ['169.254.169.254', 'fd00:ec2::254', '100.100.100.200', '168.63.129.16'];
const metadataHosts = ['metadata', 'metadata.google.internal', 'instance-data', 'instance-data.ec2.internal'];

/** Why nobody may fetch from the host, a name or an address, or undefined. */
export function hostProblem(host: string): string | undefined {
  const bare = host
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();
  if (bare === 'localhost' || bare.endsWith('.localhost')) return `${host} is this machine itself`;
  if (metadataHosts.includes(bare)) return `${host} is the cloud's metadata service`;
  // Old notations (0x7f.1, 2130706433) reach loopback through some resolvers.
  if (/^(0x[0-9a-f]+|\d+)(\.(0x[0-9a-f]+|\d+)){0,3}$/.test(bare) && !ipaddr.IPv4.isValidFourPartDecimal(bare)) {
    return `${host} is not a hostname or a plain IP address`;
  }
  return ipaddr.isValid(bare) ? addressProblem(host, ipaddr.process(bare)) : undefined;
}

function addressProblem(host: string, address: ipaddr.IPv4 | ipaddr.IPv6): string | undefined {
  if (metadataAddresses.some((one) => ipaddr.parse(one).toNormalizedString() === withoutZone(address))) {
    return `${host} is the cloud's metadata service`;
  }
  const range = refusedRanges[address.range()];
  if (range !== undefined) return `${host} is ${range} address`;
  const inner = address instanceof ipaddr.IPv6 ? embedded(address) : undefined;
  return inner === undefined ? undefined : addressProblem(host, inner);
}

function withoutZone(address: ipaddr.IPv4 | ipaddr.IPv6): string {
  return address.toNormalizedString().replace(/%.*$/, '');
}

/** Where translators put an IPv4 address: NAT64 (RFC 6052), SIIT (RFC 6145), 6to4 (RFC 3056), IPv4-compatible (RFC 4291). */
function embedded(address: ipaddr.IPv6): ipaddr.IPv4 | undefined {
  const bytes = address.toByteArray();
  const range = address.range();
  if (range === '6to4') return new ipaddr.IPv4(bytes.slice(2, 6));
  const isCompatible = bytes.slice(0, 12).every((byte) => byte === 0);
  return range === 'rfc6052' || range === 'rfc6145' || isCompatible ? new ipaddr.IPv4(bytes.slice(12)) : undefined;
}
