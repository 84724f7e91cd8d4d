/** What the client asked for, kept by a filter before rewrites change it, and without the query. */
import { type Json, types } from '../../envoy/json.ts';
import type { NamedConfig } from '../../envoy/listener.ts';
import type { Extra } from '../../ir/telemetry.ts';
import { literal } from '../header-edits.ts';
import { filterNames } from '../names.ts';

const memory = { path: '%PATH(NQ:PATH)%', authority: '%REQ(:authority)%' } as const;

const keyFor = (name: string) => `evengate.${name}`;

/** Formats. */
export const asked = Object.fromEntries(
  Object.keys(memory).map((name) => [name, `%FILTER_STATE(${keyFor(name)}:PLAIN)%`]),
) as { readonly [K in keyof typeof memory]: string };

/** In expressions, as bytes. */
export const askedPath = `filter_state['${keyFor('path')}']`;

/** First of all filters. */
export const requestMemory: NamedConfig = {
  name: filterNames.request,
  typed_config: {
    '@type': types.setFilterState,
    on_request_headers: Object.entries(memory).map(([name, format]) => kept(keyFor(name), format)),
  },
};

function kept(object_key: string, format: string): Json {
  return {
    object_key,
    factory_key: 'envoy.string',
    skip_if_empty: true,
    format_string: { text_format_source: { inline_string: format }, omit_empty_values: true },
  };
}

const longestHeader = 1024;

export function formatOf({ from }: Extra): string {
  switch (from.kind) {
    case 'value':
      return literal(from.value);
    case 'requestHeader':
      return `%REQ(${from.header}):${longestHeader}%`;
    case 'responseHeader':
      return `%RESP(${from.header}):${longestHeader}%`;
  }
}
