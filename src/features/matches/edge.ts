import type { RouteMatch, StringMatcher } from '../../envoy/route.ts';
import type { Match, PathMatch, ValueMatch } from '../../ir/match.ts';

/** envoy.config.route.v3.RouteMatch of one match. */
export function routeMatch(match: Match): RouteMatch {
  const headers = [
    ...(match.method === undefined ? [] : [{ name: ':method', string_match: { exact: match.method } }]),
    ...match.headers.map((header) => ({ name: header.name, string_match: stringMatch(header) })),
  ];
  return {
    ...pathMatch(match.path),
    ...(headers.length === 0 ? {} : { headers }),
    ...(match.queryParams.length === 0
      ? {}
      : {
          query_parameters: match.queryParams.map((param) => ({ name: param.name, string_match: stringMatch(param) })),
        }),
  };
}

function pathMatch(path: PathMatch): RouteMatch {
  switch (path.type) {
    case 'Exact':
      return { path: path.value };
    case 'RegularExpression':
      return { safe_regex: { regex: path.value } };
    case 'PathPrefix':
      // path_separated_prefix may not be, or end in, a slash.
      return path.value === '/' ? { prefix: '/' } : { path_separated_prefix: path.value };
  }
}

function stringMatch(match: ValueMatch): StringMatcher {
  return match.type === 'Exact' ? { exact: match.value } : { safe_regex: { regex: match.value } };
}
