/** Text with its hash, made of parts: a change re-hashes its own part and a list of hashes, never the whole text. */
import { createHash } from 'node:crypto';

export interface Fragment {
  readonly hash: string;
  /** JSON. Joined when it is asked for. */
  text(): string;
}

export function leaf(value: object): Fragment {
  const text = JSON.stringify(value);
  return { hash: hashOf([text]), text: () => text };
}

/** `head` and `tail` around the parts' texts, with commas between. */
export function composite(head: string, parts: readonly Fragment[], tail: string): Fragment {
  return {
    hash: hashOf([head, ...parts.map(({ hash }) => hash), tail]),
    text: () => `${head}${parts.map((part) => part.text()).join(',')}${tail}`,
  };
}

export function hashOf(texts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const text of texts) {
    // The length keeps ['ab', 'c'] and ['a', 'bc'] apart.
    hash.update(`${text.length}:${text}`);
  }
  return hash.digest('hex').slice(0, 16);
}
