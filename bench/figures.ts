/** Figures as a table: what was measured beside what was wanted. */

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** `most`: at most this; `least`: at least this; absent: only to be known. */
  readonly target?: { readonly kind: 'most' | 'least'; readonly value: number };
  readonly note?: string;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

/** Aligned columns; the ratio is measured over target. */
export function table(figures: readonly Figure[]): string {
  const rows = [['figure', 'target', 'measured', 'ratio', ''], ...figures.map(row)];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((cells) => (cells[column] ?? '').length)));
  return rows
    .map((cells) => cells.map((cell, column) => pad(cell, column, widths[column] ?? 0)).join('  '))
    .map((line) => `${line.trimEnd()}\n`)
    .join('');
}

function row({ name, value, unit, target, note = '' }: Figure): readonly string[] {
  const measured = `${show(value)} ${unit}`.trim();
  if (target === undefined) return [name, '', measured, '', note];
  const met = target.kind === 'most' ? value <= target.value : value >= target.value;
  const sign = target.kind === 'most' ? '<=' : '>=';
  const ratio = show(value / target.value);
  return [
    name,
    `${sign} ${show(target.value)} ${unit}`.trim(),
    measured,
    ratio,
    [met ? 'ok' : 'MISSED', note].join(' '),
  ];
}

function pad(cell: string, column: number, width: number): string {
  return column === 0 || column > 3 ? cell.padEnd(width) : cell.padStart(width);
}

function show(value: number): string {
  if (!Number.isFinite(value)) return 'n/a';
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
