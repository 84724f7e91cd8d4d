/** How Istio's texts become matchers of Envoy (pilot/pkg/security/authz/matcher): each a question to one value. */
import { isTemplate, matchesTemplate } from '../../policy/template.ts';

export type Matches = (value: string) => boolean;

/** `*` any but the empty one, `*s` suffix, `p*` prefix; else exact. Any other `*` is itself. Case-sensitive. */
export function matchText(text: string): Matches {
  if (text === '*') return (value) => /^[^\n]+$/.test(value);
  if (text.startsWith('*')) return (value) => value.endsWith(text.slice(1));
  if (text.endsWith('*')) return (value) => value.startsWith(text.slice(0, -1));
  return (value) => value === text;
}

/** Of a field line: `*` is any, the empty one too. */
export function matchHeader(text: string): Matches {
  return text === '*' ? () => true : matchText(text);
}

/** Ignores case; the port is part of the value. */
export function matchHost(text: string): Matches {
  const matches = matchHeader(text.toLowerCase());
  return (value) => matches(value.toLowerCase());
}

/** Without query and fragment. A path that is absent matches nothing. */
export function matchPath(text: string): Matches {
  const matches = isTemplate(text) ? (value: string) => matchesTemplate(text, value) : matchText(text);
  return (value) => value !== '' && matches(value.replace(/[?#].*$/s, ''));
}

/** A regular expression over the whole id, in which each `*` of the value is any text. */
export function matchNamespace(text: string): Matches {
  const namespace = text.split('*').map(quoted).join('.*');
  return matchWhole(`.*/ns/${namespace}/.*`);
}

/** `name` is one of the policy's own namespace. Other parts may stand in between and behind. */
export function matchServiceAccount(text: string, ownNamespace: string): Matches {
  const slash = text.indexOf('/');
  const namespace = slash < 0 ? ownNamespace : text.slice(0, slash);
  const name = slash < 0 ? text : text.slice(slash + 1);
  return matchWhole(`spiffe://.+/ns/${quoted(namespace)}/(.+/|)sa/${quoted(name)}(/.+)?`);
}

export function matchTrustDomain(text: string): Matches {
  const [before = '', after] = splitOnce(text, '*');
  if (text === '*') return () => true;
  if (after === undefined) return (principal) => principal.startsWith(`${text}/`);
  return matchWhole(`spiffe://${quoted(before)}[^/]*${quoted(after)}/.*`);
}

function splitOnce(text: string, separator: string): readonly string[] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + separator.length)];
}

/** Of a principal, which is written without its scheme. */
function matchWhole(expression: string): Matches {
  const whole = new RegExp(`^(?:${expression})$`);
  return (principal) => whole.test(`spiffe://${principal}`);
}

function quoted(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
