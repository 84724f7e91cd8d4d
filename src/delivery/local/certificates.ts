/**
 * TLS Secrets as files. Each content has a folder of its own, named by its hash, and the SDS file names that folder: so
 * a renewed certificate is published, acknowledged and withdrawn like every other change.
 */
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ObjectRef } from '../../kube/object.ts';
import type { Edge, EdgeFile } from '../../render/edge.ts';
import { hashOf } from '../../render/fragment.ts';
import { secretName } from '../../render/names.ts';

/** PEM texts of a kubernetes.io/tls Secret. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

/** Undefined for a Secret that is gone: what was written last is kept. */
export type KeyPairOf = (secret: ObjectRef) => KeyPair | undefined;

export interface PlacedCertificates {
  readonly files: readonly EdgeFile[];
  /** Folders below the certificates' directory that `files` name. */
  readonly folders: readonly string[];
}

/** Writes the key pairs below `directory`, and the edge's files so that they name them. */
export async function placeCertificates(
  edge: Edge,
  keyPairOf: KeyPairOf,
  directory: string,
): Promise<PlacedCertificates> {
  const placed = new Map<string, string>();
  for (const secret of edge.certificates) {
    const pair = keyPairOf(secret);
    if (pair === undefined) continue;
    const hash = hashOf([pair.certificate, pair.key]);
    await writePair(join(directory, secretName(secret), hash), pair);
    placed.set(secretName(secret), hash);
  }
  const files = edge.files.map((file) => {
    const hash = file.subscription.kind === 'sds' ? placed.get(file.subscription.name) : undefined;
    return hash === undefined ? file : below(file, join(directory, secretNameOf(file)), hash);
  });
  return { files, folders: [...placed].map(([name, hash]) => join(name, hash)) };
}

/** Removes the folders that are not in `keep`. */
export async function removeCertificates(directory: string, keep: ReadonlySet<string>): Promise<void> {
  for (const name of await readdir(directory).catch(() => [])) {
    for (const hash of await readdir(join(directory, name))) {
      if (!keep.has(join(name, hash))) await rm(join(directory, name, hash), { recursive: true, force: true });
    }
  }
}

async function writePair(folder: string, pair: KeyPair): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(join(folder, 'tls.crt'), pair.certificate, { mode: 0o600 });
  await writeFile(join(folder, 'tls.key'), pair.key, { mode: 0o600 });
}

function secretNameOf(file: EdgeFile): string {
  return 'name' in file.subscription ? file.subscription.name : '';
}

/** The same file with every path at or below `folder` moved to its folder `hash`. */
function below(file: EdgeFile, folder: string, hash: string): EdgeFile {
  const move = (_: string, value: unknown) =>
    typeof value === 'string' && (value === folder || value.startsWith(`${folder}/`))
      ? `${folder}/${hash}${value.slice(folder.length)}`
      : value;
  return {
    ...file,
    hash: hashOf([file.hash, hash]),
    text: (version) => `${JSON.stringify(JSON.parse(file.text(version), move))}\n`,
  };
}
