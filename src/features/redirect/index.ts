/** Sends the client elsewhere. */
import type { RedirectAction } from '../../envoy/route.ts';
import { type Matched, type RoutePlace, ruleFeature } from '../../ir/feature.ts';
import { pathEdit, prefixFindings } from '../path-modifier.ts';
import { type RedirectSpec, redirectSchema } from './schema.ts';

const responseCodes = {
  301: 'MOVED_PERMANENTLY',
  302: 'FOUND',
  303: 'SEE_OTHER',
  307: 'TEMPORARY_REDIRECT',
  308: 'PERMANENT_REDIRECT',
} as const satisfies Record<number, RedirectAction['response_code']>;

const wellKnownPorts = { http: 80, https: 443 } as const;

export const redirect = ruleFeature<'redirect', RedirectSpec, RedirectSpec>({
  name: 'redirect',
  schema: redirectSchema,
  description: 'Answers with a redirect (Gateway API RequestRedirect).',
  example: { scheme: 'https', statusCode: 301 },
  needsNoCover: true,
  resolve(spec, author, _lookup, matched: Matched) {
    const findings = prefixFindings(spec.path, matched.matches, author);
    return findings.length === 0 ? { ok: true, value: spec, findings } : { ok: false, findings };
  },
  edge(settings, place) {
    const action: RedirectAction = {
      ...(settings.scheme === undefined ? {} : { scheme_redirect: settings.scheme }),
      ...(settings.hostname === undefined ? {} : { host_redirect: settings.hostname }),
      ...(settings.path === undefined ? {} : pathEdit(settings.path, place.path)),
      response_code: responseCodes[settings.statusCode ?? 302],
    };
    const port = portOf(settings, place);
    const scheme = settings.scheme ?? (place.listener.protocol === 'HTTPS' ? 'https' : 'http');
    const explicit = { answer: { redirect: { ...action, port_redirect: port } } };
    if (port !== wellKnownPorts[scheme]) return [explicit];
    if (settings.hostname !== undefined) return [{ answer: { redirect: action } }];
    // A Host with a port would keep it (a mapped one, say): only there is the well-known port spelt out.
    return [{ ...explicit, matchHeaders: [hostWithPort] }, { answer: { redirect: action } }];
  },
});

const hostWithPort = { name: ':authority', string_match: { safe_regex: { regex: '.*:[0-9]+' } } };

function portOf(settings: RedirectSpec, place: RoutePlace): number {
  if (settings.port !== undefined) return settings.port;
  return settings.scheme === undefined ? place.listener.port : wellKnownPorts[settings.scheme];
}
