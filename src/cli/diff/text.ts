/** A difference as a terminal shows it. */
import type { Effect } from '../../resolve/compare/types.ts';
import { type PlacedFinding, textReport } from '../findings.ts';
import type { Output, Style } from '../io.ts';
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
import type { Change, Diff, DifferenceWords } from './model.ts';
import { whatWords } from './words.ts';

const styles: Readonly<Record<Effect, Style>> = {
  opens: ['red', 'bold'],
  shifts: ['red', 'bold'],
  closes: 'yellow',
  looser: 'magenta',
  tighter: 'cyan',
  differs: 'blue',
};

const margin = 14;

export function textDiff(diff: Diff, all: boolean, output: Output): string {
  const { list, more } = shown(diff.changes, most.changes, all);
  return [
    ...list.map((change) => changeText(change, all, output)),
    ...(more === undefined ? [] : [`${more}\n`]),
    ...gatewayLines(diff, all, output),
    ...findingLines('New findings', diff.findings.new, all, output),
    ...findingLines('Mended findings', diff.findings.mended, all, output),
    `${output.style('bold', summaryWords(diff))}\n`,
  ].join('\n');
}

function changeText(change: Change, all: boolean, output: Output): string {
  const mark = output.style(styles[change.effect], effectWord(change.effect).padEnd(margin));
  const places = shown(change.places, most.places, all);
  const width = Math.min(48, Math.max(...places.list.map((place) => printable(matchOf(place)).length)));
  const lines = places.list.map((place, index) => {
    const text = `${printable(matchOf(place)).padEnd(width)}  ${printable(doorOf(place))}`;
    const head = index === 0 ? mark : ' '.repeat(margin);
    return `${head}${output.style('bold', text)}${index === 0 ? `  ${change.kind}` : ''}`;
  });
  const more = places.more === undefined ? [] : [`${' '.repeat(margin)}${places.more}`];
  const rows = change.differences.flatMap((difference) => differenceLines(difference, all, output));
  const proofs = proofLines(change).map((line) => row('for example', line, output));
  const rules = shown(rulesOf(change), 2, all);
  const routes = [...rules.list, ...(rules.more === undefined ? [] : [rules.more])];
  return `${[...lines, ...more, ...rows, ...proofs, ...routes.map((line, index) => row(index === 0 ? 'rule' : '', line, output))].join('\n')}\n`;
}

function differenceLines(difference: DifferenceWords, all: boolean, output: Output): readonly string[] {
  const { before, after, details } = difference;
  const { list, more } = shown(details, most.details, all);
  const change = before === after ? after : `${before} → ${after}`;
  return [
    row(whatWords(difference), change, output),
    ...[...list, ...(more === undefined ? [] : [more])].map((line) => row('', line, output)),
  ];
}

function row(label: string, text: string, output: Output): string {
  return `${' '.repeat(margin)}${output.style('dim', label.padEnd(18))}${printable(text)}`;
}

function gatewayLines({ gateways }: Diff, all: boolean, output: Output): readonly string[] {
  if (gateways.length === 0) return [];
  const { list, more } = shown(gateways, most.gateways, all);
  const width = Math.max(...list.map(({ gateway }) => gateway.length));
  const lines = list.map((change) => {
    const mark = output.style(styles[change.effect], effectWord(change.effect).padEnd(margin));
    return `${mark}${`ApiGateway ${change.gateway}`.padEnd(width + 11)}  ${printable(gatewayWords(change))}`;
  });
  return [`${[...lines, ...(more === undefined ? [] : [more])].join('\n')}\n`];
}

function findingLines(
  title: string,
  findings: readonly PlacedFinding[],
  all: boolean,
  output: Output,
): readonly string[] {
  if (findings.length === 0) return [];
  const { list, more } = shown(findings, most.findings, all);
  return [`${output.style('bold', title)}\n${textReport(list, output)}${more === undefined ? '' : `${more}\n`}`];
}
