/** `path` of a rewrite or a redirect: Gateway API HTTPPathModifier. */
import { z } from 'zod';
import type { RegexRewrite } from '../envoy/route.ts';
import type { Author } from '../ir/lookup.ts';
import type { PathMatch } from '../ir/match.ts';
import { absolutePath, field } from '../schema/fields.ts';
import type { Finding } from '../status/finding.ts';

export const pathModifierSchema = z
  .strictObject({
    type: field(
      z.enum(['ReplaceFullPath', 'ReplacePrefixMatch']),
      'ReplaceFullPath puts `value` in place of the path; ReplacePrefixMatch in place of the prefix that the rule matched.',
      'ReplacePrefixMatch',
    ),
    value: field(absolutePath, 'The new path or prefix; the query stays.', '/v2'),
  })
  .meta({
    description: 'What becomes of the path; it stays when absent.',
    examples: [{ type: 'ReplacePrefixMatch', value: '/v2' }],
  });

export type PathModifier = z.infer<typeof pathModifierSchema>;

/** The fields by which Envoy's RouteAction and RedirectAction change a path. */
export interface PathEdit {
  readonly prefix_rewrite?: string;
  readonly regex_rewrite?: RegexRewrite;
}

export function pathEdit(modifier: PathModifier, match: PathMatch): PathEdit {
  if (modifier.type === 'ReplaceFullPath') {
    return { regex_rewrite: { pattern: { regex: '^.*$' }, substitution: modifier.value } };
  }
  const from = match.value;
  const to = modifier.value === '/' ? '' : modifier.value.replace(/\/$/, '');
  // An empty replacement would leave no path, and '/' a doubled slash: eat the slash that follows the prefix.
  if (from === '/') return { prefix_rewrite: `${to}/` };
  if (to === '') return { regex_rewrite: { pattern: { regex: `^${quote(from)}/*` }, substitution: '/' } };
  return { prefix_rewrite: to };
}

function quote(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** ReplacePrefixMatch needs a prefix: every match of the rule must be a PathPrefix. */
export function prefixFindings(
  modifier: PathModifier | undefined,
  matches: readonly { readonly path: PathMatch }[],
  author: Author,
): readonly Finding[] {
  const culprit = matches.findIndex((match) => match.path.type !== 'PathPrefix');
  if (modifier?.type !== 'ReplacePrefixMatch' || culprit < 0) return [];
  return [
    {
      about: author.about,
      severity: 'error',
      reason: 'UnsupportedValue',
      at: `${author.at}.path.type`,
      message: `ReplacePrefixMatch needs a prefix, but matches[${culprit}] is ${matches[culprit]?.path.type}`,
      remedy: 'Use ReplaceFullPath, or make every match of the rule a PathPrefix',
    },
  ];
}
