/** Sets, adds and removes headers, for a rule and for one of its backends. */
import { type RuleFeature, ruleFeature } from '../../ir/feature.ts';
import { type Direction, type HeadersSpec, headerEdits, headersSchema } from '../header-edits.ts';

export const requestHeaders = headersFeature('requestHeaders', 'request');
export const responseHeaders = headersFeature('responseHeaders', 'response');

function headersFeature<Name extends string>(
  name: Name,
  direction: Direction,
): RuleFeature<Name, HeadersSpec, HeadersSpec> {
  return ruleFeature({
    name,
    schema: headersSchema,
    description: `Changes the ${direction}'s headers (Gateway API ${direction === 'request' ? 'Request' : 'Response'}HeaderModifier).`,
    example: { set: [{ name: 'x-team', value: 'shop' }] },
    ...(direction === 'request' ? { needsBackend: true as const } : {}),
    resolve: (spec) => ({ ok: true, value: spec, findings: [] }),
    edge: (settings) => [{ route: headerEdits(direction, settings) }],
  });
}
