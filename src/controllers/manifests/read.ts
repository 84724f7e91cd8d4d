/** Reads manifests from disk, again and again: only files whose content changed are parsed anew. */
import { readFile } from 'node:fs/promises';
import { assemble, type ManifestSet } from './assemble.ts';
import { emptyText, isDoubtful } from './doubt.ts';
import { maxFileSize, parseFile, tooLarge, unreadableFile } from './parse.ts';
import { codeOf, type FoundFile, type Scan, scanPaths } from './scan.ts';
import { comparePaths, type ParsedFile } from './source.ts';

export type Input = AsyncIterable<Uint8Array | string>;

export interface Reading {
  readonly set: ManifestSet;
  /** Files that were added, changed, removed, or became (un)readable since the last reading, sorted. */
  readonly changed: readonly string[];
  /** True if a file looks half-written: read again after `settleMs`. */
  readonly unsettled: boolean;
  readonly directories: Scan['directories'];
}

export interface ReaderOptions {
  readonly stdin?: Input;
  /** How long a file that lost something must look the same before it counts as changed; default 50. */
  readonly settleMs?: number;
}

/** A file's text, or why there is none. */
type Content = { readonly text: string } | { readonly why: { readonly message: string; readonly remedy: string } };

interface KnownFile {
  readonly stamp: string;
  /** False while a second write within the clock's grain could have left the stamp as it is. */
  readonly stampTrusted: boolean;
  readonly content: string;
  /** What the file's newest text says. */
  readonly latest: ParsedFile;
  /** What it contributes: `latest`, or the last complete objects. */
  readonly effective: ParsedFile;
  readonly doubt?: { readonly content: string; readonly since: number };
}

const stdinPath = '<stdin>';
/** Coarser than the time stamps of any file system in use. */
const stampGrainMs = 2000;

/** Files, directories (recursive) and `-` for stdin, once. */
export async function readManifests(paths: readonly string[], stdin?: Input): Promise<ManifestSet> {
  const reader = new ManifestReader(paths, stdin === undefined ? {} : { stdin });
  return (await reader.read()).set;
}

export class ManifestReader {
  readonly #paths: readonly string[];
  readonly #options: ReaderOptions;
  readonly #known = new Map<string, KnownFile>();
  #failures: ReadonlyMap<string, string> = new Map();
  #set: ManifestSet | undefined;

  constructor(paths: readonly string[], options: ReaderOptions = {}) {
    this.#paths = paths;
    this.#options = options;
  }

  /** Not to be called again before the last call has ended. */
  async read(): Promise<Reading> {
    const changed = new Set<string>();
    if (this.#set === undefined && this.#paths.includes('-')) await this.#readStdin();
    const scan = await scanPaths(this.#paths.filter((path) => path !== '-'));
    await this.#readFiles(scan.files, changed);
    this.#removeMissing(scan, changed);
    for (const path of new Set([...scan.failures.keys(), ...this.#failures.keys()])) {
      if (scan.failures.get(path) !== this.#failures.get(path)) changed.add(path);
    }
    this.#failures = scan.failures;
    if (this.#set === undefined || changed.size > 0) this.#set = assemble(this.#files(), this.#set);
    const unsettled = [...this.#known.values()].some((file) => file.doubt !== undefined);
    return { set: this.#set, changed: [...changed].toSorted(), unsettled, directories: scan.directories };
  }

  #files(): ParsedFile[] {
    const failed = [...this.#failures].map(([path, code]) => unreadableFile(path, wordsOfCode(code)));
    return [...[...this.#known.values()].map((file) => file.effective), ...failed].toSorted(comparePaths);
  }

  async #readStdin(): Promise<void> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.#options.stdin ?? process.stdin) chunks.push(Buffer.from(chunk));
    this.#accept(stdinPath, { stamp: 'once', stampTrusted: true }, decode(Buffer.concat(chunks)));
  }

  async #readFiles(files: readonly FoundFile[], changed: Set<string>): Promise<void> {
    const stale = files.filter((file) => {
      const known = this.#known.get(file.path);
      return known === undefined || known.stamp !== file.stamp || !known.stampTrusted || known.doubt !== undefined;
    });
    // Some at a time: a folder may hold more files than a process may open.
    for (let at = 0; at < stale.length; at += 32) {
      const batch = stale.slice(at, at + 32);
      const now = Date.now();
      const contents = await Promise.all(batch.map(contentOf));
      for (const [index, file] of batch.entries()) {
        const stampTrusted = file.stamp === 'once' || now - file.modified > stampGrainMs;
        const content = contents[index];
        if (content !== undefined) this.#take(file.path, { stamp: file.stamp, stampTrusted }, content, changed);
      }
    }
  }

  #take(path: string, stamp: Stamp, content: Content, changed: Set<string>): void {
    const known = this.#known.get(path);
    const key = keyOfContent(content);
    if (known !== undefined && known.content === key) {
      const { doubt: _, ...sure } = known;
      this.#known.set(path, { ...sure, ...stamp });
      return;
    }
    const latest = parse(path, content, known);
    if (
      this.#set !== undefined &&
      isDoubtful(known?.latest, latest, known?.content, key) &&
      !this.#settled(known, key)
    ) {
      this.#doubt(path, stamp, known, key);
      return;
    }
    this.#accept(path, stamp, content, latest);
    changed.add(path);
  }

  #accept(path: string, stamp: Stamp, content: Content, latest = parse(path, content, undefined)): void {
    const good = this.#known.get(path)?.effective;
    const effective = latest.complete || good?.complete !== true ? latest : keepGood(good, latest);
    this.#known.set(path, { ...stamp, content: keyOfContent(content), latest, effective });
  }

  /** A second look that sees what the first one saw, late enough, ends the doubt. */
  #settled(known: KnownFile | undefined, content: string): boolean {
    if (known?.doubt?.content !== content) return false;
    return performance.now() - known.doubt.since >= (this.#options.settleMs ?? 50);
  }

  #doubt(path: string, stamp: Stamp, known: KnownFile | undefined, content: string): void {
    const doubt = known?.doubt?.content === content ? known.doubt : { content, since: performance.now() };
    const nothing = parseFile({ path, text: '' });
    this.#known.set(path, {
      ...(known ?? { content: emptyText, latest: nothing, effective: nothing }),
      ...stamp,
      doubt,
    });
  }

  #removeMissing(scan: Scan, changed: Set<string>): void {
    const found = new Set(scan.files.map((file) => file.path));
    for (const [path, known] of this.#known) {
      if (found.has(path) || path === stdinPath || isBehind(path, scan.failures)) continue;
      const missing = 'missing';
      if (this.#settled(known, missing)) {
        this.#known.delete(path);
        changed.add(path);
      } else this.#doubt(path, known, known, missing);
    }
  }
}

type Stamp = Pick<KnownFile, 'stamp' | 'stampTrusted'>;

/** A folder that cannot be looked into has not lost its files; a file that is gone has. */
function isBehind(path: string, failures: Scan['failures']): boolean {
  if ((failures.get(path) ?? 'ENOENT') !== 'ENOENT') return true;
  return [...failures.keys()].some((failed) => path.startsWith(failed.endsWith('/') ? failed : `${failed}/`));
}

function parse(path: string, content: Content, known: KnownFile | undefined): ParsedFile {
  if ('why' in content) return unreadableFile(path, content.why);
  if (known === undefined) return parseFile({ path, text: content.text });
  // The last complete text too: mending a mistake by undoing it gives the same objects again.
  const documents = [...known.latest.documents, ...known.effective.documents];
  return parseFile({ path, text: content.text }, { ...known.latest, documents });
}

function keepGood(good: ParsedFile, latest: ParsedFile): ParsedFile {
  return { ...good, problems: latest.problems, findings: latest.findings };
}

/** Equal if and only if nothing changed; no text of a file starts like the second. */
function keyOfContent(content: Content): string {
  return 'text' in content ? content.text : `\u0000${content.why.message}`;
}

async function contentOf(file: FoundFile): Promise<Content | undefined> {
  if (file.size > maxFileSize) return { why: tooLarge };
  try {
    return decode(await readFile(file.path));
  } catch (error) {
    const code = codeOf(error);
    // Gone since the scan: the next one sees it.
    return code === 'ENOENT' ? undefined : { why: wordsOfCode(code) };
  }
}

function decode(bytes: Uint8Array): Content {
  if (bytes.length > maxFileSize) return { why: tooLarge };
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch {
    return { why: { message: 'The file is not UTF-8 text', remedy: 'Save the file as UTF-8' } };
  }
}

function wordsOfCode(code: string): { readonly message: string; readonly remedy: string } {
  if (code === 'ENOENT') return { message: 'There is no such file or folder', remedy: 'Correct the path' };
  if (code === 'EACCES' || code === 'EPERM') {
    return { message: 'The path may not be read', remedy: 'Grant this user the right to read it' };
  }
  if (code === 'ELOOP') return { message: 'The link leads back to itself', remedy: 'Remove the link' };
  return { message: `The path cannot be read (${code})`, remedy: 'Check the path and the disk that it is on' };
}
