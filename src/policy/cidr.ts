/** Address ranges. A range is also a prefix over the bits of an address, which lets the pattern algebra intersect ranges. */
import ipaddr from 'ipaddr.js';

export interface Cidr {
  /** Canonical text: `10.0.0.0/8`, `2001:db8::/32`. */
  readonly text: string;
  /** The family, '4' or '6', then the fixed bits: `10.0.0.0/8` is '400001010'. */
  readonly bits: string;
}

/** '::ffff:0:0/96', RFC 4291 §2.5.5.2: the IPv4 addresses as IPv6 writes them. */
const mappedPrefix = `6${'0'.repeat(80)}${'1'.repeat(16)}`;

/** IPv4, IPv6 or a range of either; a bare address is one address; host bits are masked; IPv4-mapped IPv6 becomes IPv4. */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf('/');
  const address = addressBits(slash < 0 ? text : text.slice(0, slash));
  if (address === undefined) {
    return undefined;
  }
  const size = address.length - 1;
  const length = slash < 0 ? size : prefixLength(text.slice(slash + 1), size);
  return length === undefined ? undefined : cidrOfBits(withoutMapping(address.slice(0, length + 1)));
}

/** Go's netip.ParsePrefix, which Istio's webhook uses, refuses signs and leading zeros. */
function prefixLength(text: string, size: number): number | undefined {
  const length = /^(0|[1-9]\d{0,2})$/.test(text) ? Number(text) : undefined;
  return length === undefined || length > size ? undefined : length;
}

/** ipaddr.js also reads `1.2`, `0x7f000001`, octal parts and zones: Envoy and Istio do not. */
function addressBits(text: string): string | undefined {
  if (text.includes(':')) {
    if (!/^[0-9A-Fa-f:.]+$/.test(text) || !ipaddr.IPv6.isValid(text)) {
      return undefined;
    }
    return `6${bitsOf(ipaddr.IPv6.parse(text).toByteArray())}`;
  }
  if (!/^(0|[1-9]\d{0,2})(\.(0|[1-9]\d{0,2})){3}$/.test(text) || !ipaddr.IPv4.isValid(text)) {
    return undefined;
  }
  return `4${bitsOf(ipaddr.IPv4.parse(text).toByteArray())}`;
}

function bitsOf(bytes: readonly number[]): string {
  return bytes.map((byte) => byte.toString(2).padStart(8, '0')).join('');
}

function withoutMapping(bits: string): string {
  return bits.startsWith(mappedPrefix) ? `4${bits.slice(mappedPrefix.length)}` : bits;
}

/** The range that starts with these bits (family first). */
export function cidrOfBits(bits: string): Cidr {
  const size = bits.startsWith('4') ? 32 : 128;
  const padded = bits.slice(1).padEnd(size, '0');
  const bytes = Array.from({ length: size / 8 }, (_, index) =>
    Number.parseInt(padded.slice(index * 8, index * 8 + 8), 2),
  );
  return { text: `${ipaddr.fromByteArray(bytes).toString()}/${bits.length - 1}`, bits };
}

/** An IPv4 address also when it arrives IPv4-mapped; a zone (`fe80::1%eth0`) is ignored; a malformed address is in no range. */
export function containsAddress(cidr: Cidr, address: string): boolean {
  const bits = addressBits(address.replace(/%.*$/, ''));
  return bits !== undefined && withoutMapping(bits).startsWith(cidr.bits);
}

/** Every address of `b` is one of `a`. */
export function containsCidr(a: Cidr, b: Cidr): boolean {
  return b.bits.startsWith(a.bits);
}

export function disjoint(a: Cidr, b: Cidr): boolean {
  return !containsCidr(a, b) && !containsCidr(b, a);
}
