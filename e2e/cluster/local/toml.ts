/** TOML (v1.0.0), as much as containerd's configuration needs. */

export type TomlValue = string | number | boolean | readonly string[] | TomlTable;
export interface TomlTable {
  readonly [key: string]: TomlValue;
}

/** Values first, then tables, each under its whole name. */
export function toml(table: TomlTable, path: readonly string[] = []): string {
  const values = Object.entries(table).filter(([, value]) => !isTable(value));
  const tables = Object.entries(table).filter((entry): entry is [string, TomlTable] => isTable(entry[1]));
  // JSON's strings and lists of them are TOML's.
  const lines = values.map(([key, value]) => `${quoted(key)} = ${JSON.stringify(value)}\n`);
  const header = path.length > 0 && lines.length > 0 ? `[${path.map(quoted).join('.')}]\n` : '';
  return `${header}${lines.join('')}${tables.map(([key, inner]) => toml(inner, [...path, key])).join('')}`;
}

function quoted(key: string): string {
  return /^[\w-]+$/.test(key) ? key : JSON.stringify(key);
}

function isTable(value: TomlValue): value is TomlTable {
  return typeof value === 'object' && !Array.isArray(value);
}
