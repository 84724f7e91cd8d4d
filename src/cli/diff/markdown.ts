/** A difference as a comment on a pull request: what opens something in the open, the rest folded. */
import { describeRef } from '../../kube/object.ts';
import type { PlacedFinding } from '../findings.ts';
import {
  doorOf,
  effectWord,
  gatewayWords,
  matchOf,
  most,
  printable,
  proofLines,
  rulesOf,
  shown,
  summaryWords,
} from './lines.ts';
import type { Change, Diff } from './model.ts';
import { whatWords } from './words.ts';

export function markdownDiff(diff: Diff, all: boolean, notes: readonly string[]): string {
  const grave = diff.changes.filter(({ effect }) => isGrave(effect));
  const others = diff.changes.filter(({ effect }) => !isGrave(effect));
  const blocks = [
    `**Traffic: ${summaryWords(diff)}.**`,
    ...changeBlocks('Requests that were refused and are now admitted', grave, all, false),
    ...changeBlocks('Other changes of routes', others, all, true),
    ...gatewayBlock(diff, all),
    ...findingBlock('New findings', diff.findings.new, all, false),
    ...findingBlock('Mended findings', diff.findings.mended, all, true),
    ...notes.map((note) => `<sub>${escaped(note)}.</sub>`),
  ];
  return `${blocks.join('\n\n')}\n`;
}

function isGrave(effect: Change['effect']): boolean {
  return effect === 'opens' || effect === 'shifts';
}

function changeBlocks(title: string, changes: readonly Change[], all: boolean, folded: boolean): readonly string[] {
  if (changes.length === 0) return [];
  const { list, more } = shown(changes, most.changes, all);
  const body = [
    table(
      ['', 'requests', 'what', 'before', 'after'],
      list.flatMap((change) => rowsOf(change, all)),
    ),
    ...(more === undefined ? [] : [more]),
    ...detailBlocks(list, all),
  ].join('\n\n');
  return [folded ? fold(`${title} (${changes.length})`, body) : `#### ${title}\n\n${body}`];
}

function rowsOf(change: Change, all: boolean): readonly (readonly string[])[] {
  const places = shown(change.places, most.places, all);
  const where = places.list.map((place) => `${code(matchOf(place))} ${escaped(doorOf(place))}`);
  const requests = [...where, ...(places.more === undefined ? [] : [places.more])].join('<br>');
  return change.differences.map((difference, index) => {
    const mark = isGrave(difference.effect) ? `⚠️ ${effectWord(difference.effect)}` : effectWord(difference.effect);
    const what =
      index === 0 && change.kind !== 'changed' ? `${change.kind}: ${whatWords(difference)}` : whatWords(difference);
    return [mark, index === 0 ? requests : '', what, escaped(difference.before), escaped(difference.after)];
  });
}

/** Proofs stand in the open, what the rules say differently is folded. */
function detailBlocks(changes: readonly Change[], all: boolean): readonly string[] {
  const proofs = changes.flatMap((change) => proofLines(change).map((line) => `- ${code(line)}`));
  const details = changes.flatMap((change) => {
    const said = change.differences.flatMap((difference) => difference.details);
    const { list, more } = shown(said, most.details, all);
    const lines = [...list, ...(more === undefined ? [] : [more]), ...rulesOf(change).slice(0, 2)];
    const [place] = change.places;
    return place === undefined
      ? []
      : [`- ${code(matchOf(place))}\n${lines.map((line) => `  - ${code(line)}`).join('\n')}`];
  });
  const examples = shown(proofs, most.changes, all);
  return [
    ...(proofs.length === 0
      ? []
      : [`For example:\n\n${[...examples.list, ...(examples.more === undefined ? [] : [examples.more])].join('\n')}`]),
    fold('Rules and conditions', details.join('\n')),
  ];
}

function gatewayBlock({ gateways }: Diff, all: boolean): readonly string[] {
  if (gateways.length === 0) return [];
  const { list, more } = shown(gateways, most.gateways, all);
  const rows = list.map((change) => {
    const mark = isGrave(change.effect) ? `⚠️ ${effectWord(change.effect)}` : effectWord(change.effect);
    return [mark, code(change.gateway), escaped(gatewayWords(change))];
  });
  const body = [table(['', 'ApiGateway', 'change'], rows), ...(more === undefined ? [] : [more])].join('\n\n');
  return [`#### Gateways\n\n${body}`];
}

function findingBlock(
  title: string,
  findings: readonly PlacedFinding[],
  all: boolean,
  folded: boolean,
): readonly string[] {
  if (findings.length === 0) return [];
  const { list, more } = shown(findings, most.findings, all);
  const rows = list.map(({ severity, reason, position, object, message, remedy }) => [
    severity,
    reason,
    code(
      position === undefined ? (object === undefined ? '' : describeRef(object)) : `${position.file}:${position.line}`,
    ),
    escaped(`${message}. ${remedy}.`),
  ]);
  const body = [table(['severity', 'reason', 'where', 'what'], rows), ...(more === undefined ? [] : [more])].join(
    '\n\n',
  );
  return [folded ? fold(`${title} (${findings.length})`, body) : `#### ${title}\n\n${body}`];
}

function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(columns), line(columns.map(() => '---')), ...rows.map(line)].join('\n');
}

function fold(summary: string, body: string): string {
  return `<details><summary>${escaped(summary)}</summary>\n\n${body}\n\n</details>`;
}

/** Nothing of a manifest may become markup, a link, or a mention. */
function escaped(text: string): string {
  return printable(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll(/[\\`*_[\]|~#!]/g, (character) => `\\${character}`)
    .replaceAll('@', '@<!-- -->')
    .replaceAll('://', ':&#47;&#47;')
    .replaceAll(/www\./gi, (text) => `${text.slice(0, 3)}<!-- -->.`);
}

/** A code span holds anything but the end of itself, and in a table no bar. */
function code(text: string): string {
  if (text === '') return '';
  const plain = printable(text).replaceAll('|', '\\|');
  const longest = Math.max(0, ...(plain.match(/`+/g) ?? []).map(({ length }) => length));
  const fence = '`'.repeat(longest + 1);
  const space = longest > 0 ? ' ' : '';
  return `${fence}${space}${plain}${space}${fence}`;
}
