/** A page of the documentation, as a reader and a test see it: blocks, headings, links, words in backticks. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { lexer, type MarkedToken, walkTokens } from 'marked';

export interface Block {
  /** `yaml`; empty where the fence names none, or there is no fence. */
  readonly language: string;
  readonly text: string;
  /** From 1, in the page. */
  readonly line: number;
}

export interface Placed {
  readonly text: string;
  readonly line: number;
}

export interface Page {
  /** Below the root of the repository. */
  readonly path: string;
  readonly blocks: readonly Block[];
  /** As GitHub makes them of headings. */
  readonly anchors: ReadonlySet<string>;
  /** `../page.md#anchor`, without those that begin with a scheme. */
  readonly links: readonly Placed[];
  /** What stands in backticks. */
  readonly spans: readonly Placed[];
}

export const root = join(import.meta.dirname, '../../..');

export function readPage(path: string): Page {
  return parsePage(path, readFileSync(join(root, path), 'utf8'));
}

export function parsePage(path: string, text: string): Page {
  const blocks: Block[] = [];
  const headings: string[] = [];
  const links: Placed[] = [];
  const spans: Placed[] = [];
  let line = 1;
  for (const top of lexer(text)) {
    const start = line;
    // Within a list the raw text has lost its indentation.
    const placeOf = (raw: string) => {
      const whole = top.raw.indexOf(raw);
      const at = whole >= 0 ? whole : top.raw.indexOf(raw.split('\n')[0] ?? raw);
      return start + linesIn(top.raw.slice(0, Math.max(0, at)));
    };
    void walkTokens([top], (token) => {
      const one = token as MarkedToken;
      if (one.type === 'code') blocks.push({ language: one.lang ?? '', text: one.text, line: placeOf(one.raw) });
      if (one.type === 'heading') headings.push(plain(one.text));
      if (one.type === 'codespan') spans.push({ text: one.text, line: placeOf(one.raw) });
      if (one.type === 'link' && !/^[a-z]+:/.test(one.href)) links.push({ text: one.href, line: placeOf(one.raw) });
    });
    line += linesIn(top.raw);
  }
  return { path, blocks, anchors: new Set(anchorsOf(headings)), links, spans };
}

const linesIn = (text: string) => text.split('\n').length - 1;
/** Of a heading, what is read: no backticks, no addresses of links. */
const plain = (heading: string) => heading.replaceAll('`', '').replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1');

/** https://github.com/Flet/github-slugger: the second of a name gets -1. */
function anchorsOf(headings: readonly string[]): readonly string[] {
  const seen = new Map<string, number>();
  return headings.map((heading) => {
    const slug = heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\p{M}_\- ]/gu, '')
      .replaceAll(' ', '-');
    const count = seen.get(slug) ?? 0;
    seen.set(slug, count + 1);
    return count === 0 ? slug : `${slug}-${count}`;
  });
}
