/** The version of Evengate: written into the bundle when it is built, read from package.json when run from source. */
import { readFileSync } from 'node:fs';

declare const EVENGATE_VERSION: string;

export function evengateVersion(): string {
  if (typeof EVENGATE_VERSION === 'string') return EVENGATE_VERSION;
  const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  return String((manifest as { readonly version?: unknown }).version);
}
