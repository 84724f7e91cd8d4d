/** Text with its hash, made of parts: a change re-hashes its own part and a list of hashes, never the whole text. */
import { hash as digest } from 'node:crypto';

export interface Fragment {
  readonly hash: string;
  /** JSON. Joined when it is asked for. */
  text(): string;
}

export function leaf(value: object): Fragment {
  return fragmentOf(JSON.stringify(value));
}

/** The fields of an object without its braces, for objects that share them. */
export function fields(value: object): Fragment {
  return fragmentOf(JSON.stringify(value).slice(1, -1));
}

function fragmentOf(text: string): Fragment {
  return { hash: shortHash(text), text: () => text };
}

/** `head` and `tail` around the parts' texts, with commas between. */
export function composite(head: string, parts: readonly Fragment[], tail: string): Fragment {
  return {
    hash: hashOf([head, ...parts.map(({ hash }) => hash), tail]),
    text: () => {
      // Concatenation shares the parts; only whoever writes the whole text copies them, once.
      let text = head;
      let comma = '';
      for (const part of parts) {
        text += comma + part.text();
        comma = ',';
      }
      return text + tail;
    },
  };
}

export function hashOf(texts: readonly string[]): string {
  // The length keeps ['ab', 'c'] and ['a', 'bc'] apart.
  return shortHash(texts.map((text) => `${text.length}:${text}`).join(''));
}

function shortHash(text: string): string {
  return digest('sha256', text).slice(0, 16);
}
