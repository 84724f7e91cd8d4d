/** Hostnames as Gateway API compares them: `*.` stands for one or more labels. */

export const anyHost = '*';

/** Whether `pattern` (exact, `*.suffix` or `*`) owns the host or the narrower pattern. */
export function covers(pattern: string, host: string): boolean {
  if (pattern === anyHost || pattern === host) return true;
  return (
    pattern.startsWith('*.') && host !== anyHost && host.endsWith(pattern.slice(1)) && host.length > pattern.length - 1
  );
}

/** The narrower of two patterns that overlap; undefined when they do not. */
export function intersectHosts(a: string, b: string): string | undefined {
  if (covers(a, b)) return b;
  return covers(b, a) ? a : undefined;
}

/** Negative when `a` is more specific: exact before wildcard, longer before shorter, `*` last. */
export function compareHosts(a: string, b: string): number {
  return rank(a) - rank(b) || b.length - a.length || (a < b ? -1 : a > b ? 1 : 0);
}

function rank(host: string): number {
  if (host === anyHost) return 2;
  return host.startsWith('*.') ? 1 : 0;
}

/** The most specific of the listeners' hostnames that owns the host. */
export function ownerOf(host: string, hostnames: readonly string[]): string | undefined {
  return hostnames.filter((hostname) => covers(hostname, host)).toSorted(compareHosts)[0];
}
