/** Prometheus' text format, as it was scraped. */

export interface Series {
  /** As in the text: with `_bucket`, `_sum` or `_count`. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Scrape {
  readonly series: readonly Series[];
  /** By name of the family. */
  readonly types: ReadonlyMap<string, string>;
}

/** Throws at the first line that it cannot read. */
export function parseExposition(text: string): Scrape {
  const lines = text.split('\n').filter((line) => line !== '');
  const types = lines.flatMap((line) => {
    const [, name, type] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? [];
    return name === undefined || type === undefined ? [] : [[name, type] as const];
  });
  return { series: lines.filter((line) => !line.startsWith('#')).map(seriesOf), types: new Map(types) };
}

function seriesOf(line: string): Series {
  const [, name, labels = '', value] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)(?: \d+)?$/.exec(line) ?? [];
  if (name === undefined || value === undefined) throw new Error(`not a line of Prometheus' text format: ${line}`);
  const pairs = [...labels.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)",?/g)];
  return {
    name,
    labels: Object.fromEntries(pairs.map(([, label = '', text = '']) => [label, unescaped(text)])),
    value: value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value),
  };
}

function unescaped(text: string): string {
  return text.replaceAll(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character));
}

/** The family that a series belongs to: without what a histogram or summary adds. */
export function familyOf({ name }: Series, types: Scrape['types']): string {
  const base = name.replace(/_(bucket|sum|count)$/, '');
  return types.has(name) ? name : base;
}
