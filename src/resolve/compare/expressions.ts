/** Texts that an expression matches: tried, never believed. */
import { RE2JS } from 're2js';

/** A few texts that match all of it; [] where guessing does not find any. */
export function textsMatching(expression: string): readonly string[] {
  const pattern = RE2JS.compile(expression);
  const plain = expression
    .replace(/^\^/, '')
    .replace(/\$$/, '')
    .replace(/^\(\?[a-z]+\)/, '');
  const guesses = ['x', '1', 'a', 'A', '0'].flatMap((letter) =>
    [0, 1, 2].flatMap((alternative) => {
      const simple = simplified(plain, letter, alternative);
      return [simple, `${simple}${letter}`, `/${simple}`];
    }),
  );
  return [...new Set(guesses)].filter((text) => pattern.matches(text));
}

/** Each class becomes a letter, each group one of its alternatives, each repetition one or as many as it asks for. */
function simplified(expression: string, letter: string, alternative: number): string {
  const chosen = (all: string) => all.split('|')[alternative] ?? all.split('|')[0] ?? '';
  let text = expression
    .replaceAll(/\\d/g, '1')
    .replaceAll(/\\[wSD]/g, letter)
    .replaceAll(/\\s/g, ' ')
    .replaceAll(/\[(\^?)([^\]]+)\]/g, (_, negated: string, members: string) =>
      negated === '' ? first(members) : letter,
    )
    .replaceAll(/(?<!\\)\./g, letter);
  for (let before = ''; before !== text; ) {
    before = text;
    text = text.replaceAll(/\((?:\?:|\?P?<\w+>)?([^()]*)\)/g, (_, inner: string) => chosen(inner));
  }
  return chosen(text)
    .replaceAll(/(\\?.)\{(\d+)(?:,\d*)?\}/g, (_, one: string, count: string) => one.repeat(Math.min(Number(count), 64)))
    .replaceAll(/(?<!\\)[*+?$]/g, '')
    .replaceAll(/\\(.)/g, '$1');
}

function first(members: string): string {
  return members.startsWith('\\') ? members.slice(0, 2) : members.slice(0, 1);
}
