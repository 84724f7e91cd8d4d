/** Columns for people. */
import type { Output } from './io.ts';

export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** One long cell must not push every other line off the screen. */
const widest = 60;

/** Aligned, with the title above and a blank line below. */
export function tableText({ title, columns, rows }: Table, output: Output): string {
  const shown = rows.map((row) => row.map(printable));
  const widths = columns.map((column, index) =>
    Math.min(widest, longest([column, ...shown.map((row) => row[index] ?? '')])),
  );
  const line = (cells: readonly string[]) =>
    `  ${cells.map((cell, index) => (index === cells.length - 1 ? cell : cell.padEnd(widths[index] ?? 0))).join('  ')}`.trimEnd();
  const lines = [output.style('bold', title), output.style('dim', line(columns)), ...shown.map(line)];
  return `${lines.join('\n')}\n\n`;
}

function longest(cells: readonly string[]): number {
  return cells.reduce((length, cell) => Math.max(length, cell.length), 0);
}

/** Control and direction characters would move the cursor or swap what is read. */
function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (character) => {
    return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
  });
}
