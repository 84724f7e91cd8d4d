/** Printed against shown: `…` stands for anything. */

/** Within a line `…` stands for anything there; as a line of its own, for any lines. How wide a column is does not matter. */
export function isAsShown(printed: string, shown: string): boolean {
  const lines = shown.trimEnd().split('\n');
  const patterns = lines.map((line) =>
    line.trim() === '…' ? '(?:.*\\n)*?' : `${line.trimEnd().split('…').map(escaped).join('.*')} *\\n`,
  );
  return new RegExp(`^${patterns.join('')}$`).test(`${printed.trimEnd()}\n`);
}

const escaped = (text: string) => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&').replaceAll(/(?<=\S) {2,}/g, ' {2,}');
