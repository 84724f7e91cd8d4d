/** What lies where Envoys read it, file by file, each under a version of its own. */
import { type EdgeFile, revisionOf } from '../../render/edge.ts';
import { chainOfTable } from '../../render/names.ts';
import { subscription } from '../envoy/acknowledge.ts';
import { plainHash } from './respelled.ts';

/** JSON, or protobuf. */
export type Body = string | Uint8Array;

export interface Written {
  readonly file: EdgeFile;
  /** `<hash>.<number of the publication>`: new content has a version that was never used. */
  readonly version: string;
  readonly body: Body;
}

/** By file name. */
export type Content = ReadonlyMap<string, Written>;

/** A file that an Envoy did not take; `detail` is Envoy's reason, '' where it gave none. */
export interface Refusal {
  readonly file: EdgeFile;
  readonly detail: string;
}

/** Unchanged files keep their version: some readers acknowledge what they refused, when they are told it once more. */
export function successor(before: Content, files: readonly EdgeFile[], number: number): Content {
  return new Map(
    files.map((file) => {
      const known = before.get(file.name);
      if (known?.file.hash === file.hash) return [file.name, known];
      const version = `${file.hash}.${number}`;
      return [file.name, { file, version, body: bodyOf(file, version) }];
    }),
  );
}

export function bodyOf(file: EdgeFile, version: string): Body {
  return file.protobuf?.(version) ?? file.text(version);
}

export function isSameBody(left: Body | undefined, right: Body | undefined): boolean {
  if (left instanceof Uint8Array && right instanceof Uint8Array) return Buffer.compare(left, right) === 0;
  return left === right;
}

/** `secretName` of a certificate in a file of its own. */
export function secretOf({ subscription: reader }: EdgeFile): string {
  return reader.kind === 'sds' ? reader.name : '';
}

/** Of what is `expected`, the certificates that are not among those `loaded`, by `secretName`. */
export function notLoaded(
  content: Content,
  expected: ReadonlyMap<string, string>,
  loaded: ReadonlySet<string> = new Set(),
): readonly EdgeFile[] {
  const certificates = filesOf(content).filter((file) => isCertificate({ file }) && expected.has(rootOf(file)));
  return certificates.filter((file) => !loaded.has(secretOf(file)));
}

export interface RefusedOf {
  readonly kind: EdgeFile['subscription']['kind'];
  readonly detail: string;
}

/** Of a certificate in a file of its own. */
export function isCertificate({ file }: Pick<Refusal, 'file'>): boolean {
  return file.subscription.kind === 'sds';
}

/** Whether a certificate is to blame: also for a listener that is made anew of one that was rotated to a bad one. */
export function isOfCertificate({ kind, detail }: RefusedOf): boolean {
  return kind === 'sds' || (kind === 'lds' && unloadable.test(detail));
}

const unloadable = /Failed to load (?:private key|certificate chain)|Invalid (?:private key|certificate)/i;

export function filesOf(content: Content): readonly EdgeFile[] {
  return [...content.values()].map(({ file }) => file);
}

/** `Edge.revision` of what is in place; the versions know the hashes also of files that were found, not rendered. */
export function revisionOfContent(content: Content): string {
  return revisionOf([...content].map(([name, { version }]) => ({ name, hash: plainHash(version) })));
}

/** Stats root -> version of every file that has a reader, which files of listeners on their way out do not. */
export function expectedOf(content: Content): ReadonlyMap<string, string> {
  const roots = [...content.values()].filter(({ file }) => isRoot(file));
  const isRead = (file: EdgeFile) =>
    isRoot(file) || roots.some(({ body }) => body.toString().includes(`/${file.name}"`));
  return new Map(
    [...content.values()].flatMap(({ file, version }) => (isRead(file) ? [[rootOf(file), version] as const] : [])),
  );
}

/** Read because the bootstrap says so. */
function isRoot({ subscription: { kind } }: EdgeFile): boolean {
  return kind === 'lds' || kind === 'cds';
}

/** How Envoy's statistics call the reader of a file. */
export function rootOf({ subscription: reader }: EdgeFile): string {
  switch (reader.kind) {
    case 'lds':
    case 'cds':
      return subscription[reader.kind];
    case 'rds':
      return subscription.rds(chainOfTable(reader.name), reader.name);
    case 'ecds':
    case 'sds':
      return subscription[reader.kind](reader.name);
  }
}
