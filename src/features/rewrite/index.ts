/** Changes the URL on its way to the backend. */
import { type Matched, ruleFeature } from '../../ir/feature.ts';
import { pathEdit, prefixFindings } from '../path-modifier.ts';
import { type RewriteSpec, rewriteSchema } from './schema.ts';

export const rewrite = ruleFeature<'rewrite', RewriteSpec, RewriteSpec>({
  name: 'rewrite',
  schema: rewriteSchema,
  description: 'Rewrites host or path before the request is forwarded (Gateway API URLRewrite).',
  example: { path: { type: 'ReplacePrefixMatch', value: '/' } },
  needsBackend: true,
  resolve(spec, author, _lookup, matched: Matched) {
    const findings = prefixFindings(spec.path, matched.matches, author);
    return findings.length === 0 ? { ok: true, value: spec, findings } : { ok: false, findings };
  },
  edge: (settings, place) => [
    {
      forward: {
        ...(settings.hostname === undefined ? {} : { host_rewrite_literal: settings.hostname }),
        ...(settings.path === undefined ? {} : pathEdit(settings.path, place.path)),
      },
    },
  ],
});
