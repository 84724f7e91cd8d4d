/** Principals of the mesh's own trust domain are those of its aliases, too (pilot/pkg/security/trustdomain); ztunnel does not know. */

const ownDomain = 'cluster.local';

/** `domains`: the mesh's own, then its aliases. A text that is no whole identity, or of any domain, stays as it is. */
export function withAliases(principal: string, domains: readonly string[]): readonly string[] {
  const [domain = '', ...rest] = principal.split('/');
  if (rest.length !== 4 || domain === '*') return [principal];
  const isOwn = domain === ownDomain || domains.some((one) => fits(one, domain));
  if (!isOwn || domains.length === 0) return [principal];
  const all = domains.map((one) => (endsLike(one, domain) ? principal : [one, ...rest].join('/')));
  return [...new Set(all)];
}

function fits(domain: string, pattern: string): boolean {
  const starts = pattern.endsWith('*') && domain.startsWith(pattern.slice(0, -1));
  return domain === pattern || starts || endsLike(domain, pattern);
}

function endsLike(domain: string, pattern: string): boolean {
  return pattern.startsWith('*') && domain.endsWith(pattern.slice(1));
}
