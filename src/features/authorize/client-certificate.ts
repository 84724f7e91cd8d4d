/** A constraint on the names (SAN) in a client's certificate, as Envoy reads certificates. */
import type { StringMatcher } from '../../envoy/route.ts';
import type { Pattern } from '../../policy/pattern.ts';

/**
 * Envoy also shows the subject (`CN=api.example.com,O=…`) to the matcher, which whoever signs checks less. Only a subject begins
 * with letters, digits and dots before its first `=`; so what could begin like that must go on in another way.
 */
const noSubject = '([A-Za-z0-9.]*|[A-Za-z0-9.]*[^A-Za-z0-9.=].*)';
const someName = '([A-Za-z0-9.]+|[A-Za-z0-9.]*[^A-Za-z0-9.=].*)';
const likeSubject = /^[A-Za-z0-9.]*=/;
const openEnded = /^[A-Za-z0-9.]*$/;

/** Undefined where no name matches. */
export function nameMatcher(pattern: Pattern): StringMatcher | undefined {
  switch (pattern.kind) {
    case 'exact':
      return likeSubject.test(pattern.value) ? undefined : { exact: pattern.value };
    case 'prefix':
      if (likeSubject.test(pattern.value)) return undefined;
      if (!openEnded.test(pattern.value)) return { prefix: pattern.value };
      return { safe_regex: { regex: `(?s)${quoted(pattern.value)}${noSubject}` } };
    case 'suffix':
      return {
        safe_regex: { regex: `(?s)${pattern.value.includes('=') ? beforeEquals : noSubject}${quoted(pattern.value)}` },
      };
    case 'present':
      return { safe_regex: { regex: `(?s)${someName}` } };
    case 'template':
    case 'suffix-any-port':
      return undefined;
  }
}

/** The suffix itself could be a subject's first `=`. */
const beforeEquals = '[A-Za-z0-9.]*[^A-Za-z0-9.=].*';

/** For RE2, as text. */
function quoted(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
}
