/** Cuts a YAML stream into documents without parsing it: at column 0, `---` and `...` always end one (YAML 1.2 §9.1.2). */

export interface DocumentText {
  readonly text: string;
  /** Line of the text's first character, from 1. */
  readonly line: number;
}

export function splitDocuments(stream: string): DocumentText[] {
  const documents: DocumentText[] = [];
  let start = 0;
  let line = 1;
  let afterDirectives = false;
  const cut = (end: number, next: number): void => {
    const text = stream.slice(start, end);
    documents.push({ text, line });
    line += countLines(text);
    start = next;
  };
  // A lookbehind, not the m flag: with it ^ would also match after U+2028, which is ordinary text in YAML.
  for (const mark of stream.matchAll(/(?<![^\n])(?:---|\.\.\.)(?=[ \t\r\n]|$)/g)) {
    const isEnd = mark[0] === '...';
    afterDirectives = !isEnd && !afterDirectives && isOnlyDirectives(stream.slice(start, mark.index));
    if (!afterDirectives) cut(mark.index, isEnd ? mark.index + mark[0].length : mark.index);
  }
  cut(stream.length, stream.length);
  return documents.filter((document) => /\S/.test(document.text));
}

/** No document can start with `%`, so such text belongs to the `---` that follows. */
function isOnlyDirectives(text: string): boolean {
  let at = 0;
  for (;;) {
    while (/[ \t\r\n]/.test(text.charAt(at))) at += 1;
    if (text[at] !== '#') return text[at] === '%';
    at = text.indexOf('\n', at);
    if (at === -1) return false;
  }
}

function countLines(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) count += 1;
  return count;
}
