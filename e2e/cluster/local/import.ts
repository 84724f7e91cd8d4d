/** Handing images to the local cluster's containerd. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import type { PackedImage } from '../images/archive.ts';
import { systemPath } from './machine.ts';
import type { Places } from './places.ts';

/** Does nothing the second time. */
export async function importImage(places: Places, { name, archive }: PackedImage): Promise<void> {
  const mark = join(places.imported, basename(archive));
  if (existsSync(mark)) return;
  const parameters = ['--address', places.containerdSocket, '--namespace', 'k8s.io', 'images', 'import', archive];
  try {
    await promisify(execFile)('ctr', parameters, { env: { PATH: systemPath } });
  } catch (error) {
    throw new Error(`containerd does not take ${name}: ${(error as Error).message}`, { cause: error });
  }
  await writeFile(mark, '');
}
