/** What the client asked for, kept by a filter before rewrites change it, and without the query. */
import { type Json, types } from '../../envoy/json.ts';
import type { NamedConfig } from '../../envoy/listener.ts';
import type { Extra } from '../../ir/telemetry.ts';
import { literal } from '../header-edits.ts';
import { filterNames } from '../names.ts';

const path = 'evengate.path';
const authority = 'evengate.authority';

/** Formats. */
export const asked = {
  path: `%FILTER_STATE(${path}:PLAIN)%`,
  authority: `%FILTER_STATE(${authority}:PLAIN)%`,
} as const;

/** In expressions, as bytes. */
export const askedPath = `filter_state['${path}']`;

/** First of all filters. */
export const requestMemory: NamedConfig = {
  name: filterNames.request,
  typed_config: {
    '@type': types.setFilterState,
    on_request_headers: [kept(path, '%PATH(NQ:PATH)%'), kept(authority, '%REQ(:authority)%')],
  },
};

function kept(object_key: string, format: string): Json {
  return {
    object_key,
    factory_key: 'envoy.string',
    read_only: true,
    format_string: { text_format_source: { inline_string: format } },
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
