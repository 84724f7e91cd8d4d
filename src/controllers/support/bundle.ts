/** The files of a support bundle, and what could not be had. */
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { stringify } from 'yaml';
import { ApiError } from '../../kube/client.ts';
import type { KubeObject } from '../../kube/object.ts';
import { Redaction } from './redaction.ts';
import { padding, tarEnd, tarHeader } from './tar.ts';

export class Bundle {
  readonly #files = new Map<string, string>();
  readonly #notes = new Set<string>();
  readonly #redaction = new Redaction();

  /** What could not be read and why, a sentence each without a full stop. */
  get notes(): readonly string[] {
    return [...this.#notes].toSorted();
  }

  note(sentence: string): void {
    this.#notes.add(sentence.replace(/\.$/, ''));
  }

  object(object: KubeObject): void {
    const { kind, metadata } = object;
    const folder = metadata.namespace ?? 'cluster';
    this.value(`objects/${folder}/${kind.toLowerCase()}/${fileName(metadata.name)}.yaml`, object);
  }

  /** As YAML. */
  value(path: string, value: unknown): void {
    const clean = this.#redaction.value(value);
    this.#files.set(path, stringify(clean, { lineWidth: 0, aliasDuplicateObjects: false }));
  }

  text(path: string, text: string): void {
    this.#files.set(path, text);
  }

  /** What it is the secret of is in no file. */
  hide(secret: string): void {
    this.#redaction.hide(secret);
  }

  /** Undefined where the API server refuses: then a note says so. `what` continues `cannot …`. */
  async attempt<T>(what: string, act: () => Promise<T>): Promise<T | undefined> {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.note(error.code === 403 ? `you may not ${what}` : `cannot ${what}: ${error.message}`);
      return undefined;
    }
  }

  /** By path, sorted; clean only now, when all that is to be hidden is known. */
  files(): ReadonlyMap<string, string> {
    const sorted = [...this.#files].toSorted(([a], [b]) => (a < b ? -1 : 1));
    return new Map(sorted.map(([path, text]) => [path, this.#redaction.text(text)]));
  }
}

/** All files below a folder `root`. `modified` is in seconds since the epoch. */
export function tarGz(files: ReadonlyMap<string, string>, root: string, modified: number): Buffer {
  const parts = [...files].flatMap(([path, text]) => {
    const content = Buffer.from(text);
    const header = tarHeader({ path: `${root}/${path}`, mode: 0o600, size: content.length, modified });
    return [header, content, padding(content.length)];
  });
  return gzipSync(Buffer.concat([...parts, tarEnd]));
}

const longest = 90;

/** What a path of a tar file has room for; a name of Kubernetes has up to 253 bytes. */
export function fileName(name: string): string {
  const plain = name.replaceAll(/[^\w.-]/g, '_');
  if (plain.length <= longest && plain === name) return plain;
  return `${plain.slice(0, longest - 9)}-${createHash('sha256').update(name).digest('hex').slice(0, 8)}`;
}
