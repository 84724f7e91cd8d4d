/**
 * A request target as Envoy 1.40 normalises it on our listeners: normalize_path, merge_slashes and
 * path_with_escaped_slashes_action UNESCAPE_AND_REDIRECT (source/common/http/path_utility.cc, and Chromium's URL
 * canonicalizer behind it). Held against the binary with random targets.
 */

export type Target =
  /** `query` begins with `?`, or is empty. */
  | { readonly kind: 'path'; readonly path: string; readonly query: string }
  /** 307. */
  | { readonly kind: 'redirect'; readonly location: string }
  /** 400. */
  | { readonly kind: 'refused'; readonly reason: string };

/** `target` is what stands in the request line between method and version. */
export function normaliseTarget(target: string): Target {
  if (!target.startsWith('/')) return refused('the path does not begin with /');
  if (/[^\x21-\x7e]/.test(target))
    return refused('the path or query holds a space, a control or a non-ASCII character');
  if (target.includes('#')) return refused('the path or query holds a #, which clients never send');
  const [written, query] = halves(target);
  const unescaped = written.replaceAll(/%2f/gi, '/').replaceAll(/%5c/gi, '\\');
  const plain = withoutDotParameters(unescaped);
  if (plain.includes('%00')) return refused('the path holds %00');
  const path = mergeSlashes(canonical(plain));
  return unescaped === written ? { kind: 'path', path, query } : { kind: 'redirect', location: `${path}${query}` };
}

/**
 * As a proxy of Istio does it before its rules: by its default, normalize_path alone, or `fully` by DECODE_AND_MERGE_SLASHES, which
 * goes on where an edge redirects. Fragments are cut off.
 */
export function normaliseInMesh(target: string, fully: boolean): Exclude<Target, { readonly kind: 'redirect' }> {
  const sent = target.replace(/#.*$/s, '');
  const known = normaliseTarget(sent);
  if (known.kind === 'refused') return known;
  const [written, query] = halves(sent);
  if (!fully) return { kind: 'path', path: canonical(withoutDotParameters(written)), query };
  return known.kind === 'path' ? known : { kind: 'path', path: halves(known.location)[0], query };
}

/** Path, and query with its `?`. */
function halves(target: string): readonly [path: string, query: string] {
  const end = target.indexOf('?');
  return end < 0 ? [target, ''] : [target.slice(0, end), target.slice(end)];
}

/** `..;x` is `..` to some backends, and since CVE-2026-73511 to Envoy; `%2e%2e;x` is not. */
function withoutDotParameters(path: string): string {
  return path.replaceAll(/(?<=\/)(\.\.?);[^/]*/g, '$1');
}

function refused(reason: string): { readonly kind: 'refused'; readonly reason: string } {
  return { kind: 'refused', reason };
}

/** Dot segments resolved, backslashes turned, unreserved escapes decoded (RFC 3986 §6.2.2). */
function canonical(path: string): string {
  const kept: string[] = [];
  const segments = path.slice(1).split(/[/\\]/);
  for (const [index, segment] of segments.entries()) {
    const dots = segment.replaceAll(/%2e/gi, '.');
    const last = index === segments.length - 1;
    if (dots !== '.' && dots !== '..') kept.push(canonicalSegment(segment));
    else {
      if (dots === '..') kept.pop();
      if (last) kept.push('');
    }
  }
  return `/${kept.join('/')}`;
}

const escaped = /["<>^`{|}]/;
const unreserved = /[A-Za-z0-9\-._~]/;

function canonicalSegment(segment: string): string {
  let output = '';
  let loosePercent = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < segment.length; index += 1) {
    const character = segment.charAt(index);
    const hex = character === '%' ? /^[0-9a-f]{2}/i.exec(segment.slice(index + 1))?.[0] : undefined;
    const decoded = hex === undefined ? '' : String.fromCharCode(Number.parseInt(hex, 16));
    if (unreserved.test(decoded)) {
      output += decoded;
      index += 2;
      if (formsEscape(output, loosePercent, segment.charAt(index + 1))) {
        output = `${output.slice(0, loosePercent)}%25${output.slice(loosePercent + 1)}`;
      }
    } else if (hex !== undefined) {
      output += `%${hex}`;
      index += 2;
    } else {
      if (character === '%') loosePercent = output.length;
      output += escaped.test(character) ? percentEncoded(character) : character;
    }
  }
  return output;
}

/** A % that began no escape may begin one with what was decoded behind it, as in `%2%66`: decoding twice must not differ. */
function formsEscape(output: string, loosePercent: number, next: string): boolean {
  if (loosePercent < output.length - 3) return false;
  const behind = output.slice(loosePercent + 1);
  return /^[0-9a-f]{2}$/i.test(behind.length === 1 ? `${behind}${next}` : behind);
}

function percentEncoded(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}

/** A path of nothing but slashes ends as `//`: Envoy keeps its first and its last one. */
function mergeSlashes(path: string): string {
  if (!path.includes('//')) return path;
  const elements = path.split('/').filter((element) => element !== '');
  return `/${elements.join('/')}${path.endsWith('/') ? '/' : ''}`;
}
