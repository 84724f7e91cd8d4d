/**
 * Writes the image's layers as folders: FOLDER/runtime and FOLDER/app, of this very Node and dist/. For Containerfile.
 * Usage: node scripts/image/write.ts FOLDER
 */
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import type { Entry } from './entries.ts';
import { layers } from './evengate.ts';

function write(entries: readonly Entry[], folder: string): void {
  for (const { path, content, mode } of entries) {
    const target = join(folder, path);
    mkdirSync(dirname(target), { recursive: true });
    if ('folder' in content) mkdirSync(target, { recursive: true });
    else if ('text' in content) writeFileSync(target, content.text);
    else copyFileSync(content.file, target);
    chmodSync(target, mode ?? ('text' in content ? 0o644 : 0o755));
  }
}

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('say where: node scripts/image/write.ts FOLDER');
process.umask(0o022);
const made = await layers(process.execPath, join(import.meta.dirname, '../../dist'));
for (const [name, entries] of Object.entries(made)) write(entries, join(folder, name));
