/** Istio's path templates: `{*}` is one non-empty segment, `{**}` any rest. Envoy matches them as a regex over the whole path. */

/**
 * What an operator may match, as Envoy 1.40's uri_template does (source/extensions/path/uri_template_lib; `*` and `=` since
 * CVE-2025-46821, tried on the binary). Other characters, such as `|` or a non-ASCII byte, match no operator.
 */
const operatorCharacters = "A-Za-z0-9\\-._~%!$&'()+,;:@=*";
const literalSegment = /^[A-Za-z0-9\-._~%!$&'()+,;:@=]+$/;
const oneSegment = '{*}';
const anyRest = '{**}';

/** A template at its {**}: `/a/{*}/{**}/z` is head ['', 'a', '{*}'], tail ['z']; tail is undefined when there is no {**}. */
interface Parts {
  readonly head: readonly string[];
  readonly tail: readonly string[] | undefined;
}

export function isTemplate(text: string): boolean {
  return text.includes(oneSegment) || text.includes(anyRest);
}

/** Why Istio or Envoy would refuse this path pattern, or undefined. Plain patterns pass unless they hold a brace. */
export function templateProblem(text: string): string | undefined {
  if (!isTemplate(text)) {
    return /[{}]/.test(text) ? "has '{' or '}' outside of {*} and {**}" : undefined;
  }
  if (!text.startsWith('/')) {
    return "must start with '/'";
  }
  const segments = text.slice(1).split('/');
  const last = segments.length - 1;
  const problems = segments.map((segment, index) => segmentProblem(segment, index === last));
  const problem = problems.find((found) => found !== undefined);
  if (problem !== undefined) {
    return problem;
  }
  const rest = segments.indexOf(anyRest);
  const operatorAfter = rest >= 0 && segments.slice(rest + 1).some(isOperator);
  return operatorAfter ? 'has an operator after {**}, which must be the last one' : undefined;
}

function segmentProblem(segment: string, isLast: boolean): string | undefined {
  if (isOperator(segment)) {
    return undefined;
  }
  if (segment === '') {
    return isLast ? undefined : 'has an empty segment';
  }
  if (/[{}]/.test(segment)) {
    return `has '{' or '}' outside of {*} and {**} in segment '${segment}'`;
  }
  if (segment.includes('*')) {
    return `has '*' beside a template in segment '${segment}'`;
  }
  return literalSegment.test(segment) ? undefined : `has a character that no path segment may hold in '${segment}'`;
}

function isOperator(segment: string): boolean {
  return segment === oneSegment || segment === anyRest;
}

export function matchesTemplate(template: string, path: string): boolean {
  const source = template.split('/').map(segmentExpression).join('/');
  // V8 caches compiled expressions by source, so building one a call is cheap.
  return new RegExp(`^${source}$`).test(path);
}

function segmentExpression(segment: string): string {
  if (segment === oneSegment) {
    return `[${operatorCharacters}]+`;
  }
  return segment === anyRest ? `[${operatorCharacters}/]*` : segment.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** The text that every match starts with. */
export function templateStart(template: string): string {
  return template.slice(0, template.indexOf('{'));
}

/** The text that every match ends with. */
export function templateEnd(template: string): string {
  return template.slice(template.lastIndexOf('}') + 1);
}

/** No path matches both: a fixed segment differs, or the numbers of segments cannot be equal. */
export function templatesDisjoint(a: string, b: string): boolean {
  const left = partsOf(a);
  const right = partsOf(b);
  const shared = Math.min(left.head.length, right.head.length);
  if (left.head.slice(0, shared).some((segment, index) => segmentsDisjoint(segment, right.head[index] ?? ''))) {
    return true;
  }
  if (left.tail !== undefined && right.tail !== undefined) {
    return tailsDisjoint(left.tail, right.tail);
  }
  return !lengthFits(left, right) || !lengthFits(right, left);
}

function segmentsDisjoint(a: string, b: string): boolean {
  if (a === oneSegment || b === oneSegment) {
    return a === '' || b === '';
  }
  return a !== b;
}

function tailsDisjoint(a: readonly string[], b: readonly string[]): boolean {
  const shared = Math.min(a.length, b.length);
  return Array.from({ length: shared }, (_, index) => a.at(-1 - index) !== b.at(-1 - index)).includes(true);
}

/** A template without {**} has a fixed number of segments; {**} stands for at least one, possibly empty. */
function lengthFits(fixed: Parts, other: Parts): boolean {
  if (fixed.tail !== undefined) {
    return true;
  }
  return other.tail === undefined
    ? fixed.head.length === other.head.length
    : fixed.head.length >= other.head.length + 1 + other.tail.length;
}

/** Every path that matches `a` matches `b`. */
export function templateImplies(a: string, b: string): boolean {
  const narrow = partsOf(a);
  const wide = partsOf(b);
  if (wide.tail === undefined) {
    return narrow.tail === undefined && narrow.head.length === wide.head.length && headImplies(narrow, wide);
  }
  if (narrow.head.length < wide.head.length || !headImplies(narrow, wide)) {
    return false;
  }
  const end = narrow.tail ?? narrow.head.slice(wide.head.length + 1);
  const skipped = end.length - wide.tail.length;
  return (
    (narrow.tail !== undefined || narrow.head.length > wide.head.length) &&
    wide.tail.every((segment, index) => segment === end[skipped + index])
  );
}

function headImplies(narrow: Parts, wide: Parts): boolean {
  return wide.head.every((segment, index) => {
    const inner = narrow.head[index] ?? '';
    return segment === inner || (segment === oneSegment && inner !== '' && index > 0);
  });
}

function partsOf(template: string): Parts {
  const segments = template.split('/');
  const rest = segments.indexOf(anyRest);
  return rest < 0
    ? { head: segments, tail: undefined }
    : { head: segments.slice(0, rest), tail: segments.slice(rest + 1) };
}
