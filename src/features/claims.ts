/** How users name a claim of a token. */

/** A plain name, or a JSON Pointer (RFC 6901) to a nested claim. */
export function readClaim(text: string): readonly string[] {
  if (!text.startsWith('/')) return [text];
  return text
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}
