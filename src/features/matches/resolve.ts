import type { Author } from '../../ir/lookup.ts';
import type { Match, PathMatch, ValueMatch } from '../../ir/match.ts';
import type { Finding } from '../../status/finding.ts';
import { enclosingPrefix, regexProblem } from '../regex.ts';
import type { MatchSpec } from './schema.ts';

export interface ResolvedMatch {
  /** When there are findings, everything that the match could have taken: it answers 500. */
  readonly match: Match;
  /** In the list as written. */
  readonly index: number;
  readonly findings: readonly Finding[];
}

const everything: PathMatch = { type: 'PathPrefix', value: '/' };

export function resolveMatches(specs: readonly MatchSpec[] | undefined, author: Author): readonly ResolvedMatch[] {
  if (specs === undefined || specs.length === 0) {
    return [{ match: { path: everything, headers: [], queryParams: [] }, index: 0, findings: [] }];
  }
  return specs.map((spec, index) => ({
    ...resolveMatch(spec, { about: author.about, at: `${author.at}[${index}]` }),
    index,
  }));
}

function resolveMatch(spec: MatchSpec, author: Author): Omit<ResolvedMatch, 'index'> {
  const match: Match = {
    path: { type: spec.path?.type ?? 'PathPrefix', value: withoutTrailingSlash(spec.path) },
    ...(spec.method === undefined ? {} : { method: spec.method }),
    headers: (spec.headers ?? []).map((header) => ({ ...valueMatch(header), name: header.name.toLowerCase() })),
    queryParams: (spec.queryParams ?? []).map(valueMatch),
  };
  const findings = regexFindings(match, author);
  return findings.length === 0 ? { match, findings } : { match: widened(match), findings };
}

/** Without the parts that RE2 refuses, so that what they would have taken is blocked rather than left to a broader rule. */
function widened(match: Match): Match {
  const readable = (value: ValueMatch) => value.type === 'Exact' || regexProblem(value.value) === undefined;
  const { path } = match;
  return {
    ...match,
    path:
      path.type === 'RegularExpression' && regexProblem(path.value) !== undefined
        ? { type: 'PathPrefix', value: enclosingPrefix(path.value) }
        : path,
    headers: match.headers.filter(readable),
    queryParams: match.queryParams.filter(readable),
  };
}

/** GEP: a trailing slash of a prefix is ignored. */
function withoutTrailingSlash(path: MatchSpec['path']): string {
  const value = path?.value ?? '/';
  const prefix = (path?.type ?? 'PathPrefix') === 'PathPrefix';
  return prefix && value.length > 1 && value.endsWith('/') ? value.slice(0, -1) : value;
}

function valueMatch(spec: {
  readonly name: string;
  readonly type?: 'Exact' | 'RegularExpression' | undefined;
  readonly value: string;
}): ValueMatch {
  return { name: spec.name, type: spec.type ?? 'Exact', value: spec.value };
}

function regexFindings(match: Match, author: Author): readonly Finding[] {
  const places: readonly { readonly at: string; readonly type: string; readonly value: string }[] = [
    { at: 'path', ...match.path },
    ...match.headers.map((header, index) => ({ ...header, at: `headers[${index}]` })),
    ...match.queryParams.map((param, index) => ({ ...param, at: `queryParams[${index}]` })),
  ];
  return places.flatMap(({ at, type, value }) => {
    const problem = type === 'RegularExpression' ? regexProblem(value) : undefined;
    if (problem === undefined) return [];
    return [
      {
        about: author.about,
        severity: 'error' as const,
        reason: 'UnsupportedValue' as const,
        at: `${author.at}.${at}.value`,
        message: `RE2 refuses the regular expression: ${problem}`,
        remedy:
          'Write it without look-around and back-references, as RE2 understands it (github.com/google/re2/wiki/Syntax)',
      },
    ];
  });
}
