/** Files as they are found in ConfigMaps, by an operator that knows nothing yet. */

import type { EdgeFile, Subscription } from '../../render/edge.ts';
import { hashOf } from '../../render/fragment.ts';
import { isMeshSecret } from '../../render/mesh-identity.ts';
import { cdsFile, ldsFile, tableName } from '../../render/names.ts';
import { discoveryResponse, readResponse } from '../../render/protobuf/response.ts';
import { type Body, bodyOf, type Content, isSameBody, type Written } from '../publication/content.ts';

export interface Found {
  /** Undefined where the files do not make sense together: somebody edited them, or some are missing. */
  readonly content: Content | undefined;
  /** The highest publication number among their versions. */
  readonly number: number;
}

/** `files` are known ones: where one has the very content, it stands for what was found. */
export function contentOf(bodies: ReadonlyMap<string, Body>, files: readonly EdgeFile[]): Found {
  const known = Map.groupBy(files, ({ name }) => name);
  const found = [...bodies].flatMap(([name, body]) => writtenOf(name, body, known.get(name) ?? []) ?? []);
  const content = new Map(found.map((written) => [written.file.name, written]));
  const number = Math.max(0, ...found.map(({ version }) => numberOf(version)));
  return { content: content.size === bodies.size && isWhole(content) ? content : undefined, number };
}

/** A file, apart from its version. */
interface Parts {
  readonly version: string;
  readonly subscription: Subscription;
  /** What its hash is made of where no other is known. */
  readonly rest: string;
  readonly render: Pick<EdgeFile, 'text' | 'protobuf'>;
}

function writtenOf(name: string, body: Body, known: readonly EdgeFile[]): Written | undefined {
  const parts = typeof body === 'string' ? jsonParts(name, body) : protobufParts(name, body);
  if (parts === undefined) return undefined;
  const { version, subscription, rest, render } = parts;
  const claimed = version.replace(/\.\d+$/, '');
  const namesake = known.find(({ hash }) => hash === claimed);
  if (namesake !== undefined && isSameBody(bodyOf(namesake, version), body)) return { file: namesake, version, body };
  // An edited file still claims to be what it was.
  const hash = namesake === undefined && claimed !== '' ? claimed : hashOf([rest]);
  return { file: { name, subscription, hash, ...render }, version, body };
}

const head = /^\{"version_info":("[^"\\]*"),/;

function jsonParts(name: string, text: string): Parts | undefined {
  const [start = '', quoted = '""'] = head.exec(text) ?? [];
  const subscription = start === '' ? undefined : subscriptionOf(name, text);
  if (subscription === undefined) return undefined;
  const rest = text.slice(start.length);
  const render = { text: (version: string) => `{"version_info":${JSON.stringify(version)},${rest}` };
  return { version: JSON.parse(quoted) as string, subscription, rest, render };
}

/** Only route tables come so. */
function protobufParts(file: string, bytes: Uint8Array): Parts | undefined {
  const [, chain] = /^rds-(.*)\.pb$/.exec(file) ?? [];
  const response = readResponse(bytes);
  if (chain === undefined || response === undefined) return undefined;
  const { version, resource } = response;
  const render = {
    text(): never {
      throw new Error(`${file} was found as protobuf, and its JSON is not known`);
    },
    protobuf: (other: string) => discoveryResponse(other, resource),
  };
  const subscription: Subscription = { kind: 'rds', name: tableName(chain, true) };
  return { version, subscription, rest: Buffer.from(resource).toString('base64'), render };
}

function numberOf(version: string): number {
  const number = Number(/\.(\d+)$/.exec(version)?.[1] ?? 0);
  return Number.isSafeInteger(number) ? number : 0;
}

function subscriptionOf(file: string, text: string): Subscription | undefined {
  const resources = resourcesOf(text);
  if (resources === undefined) return undefined;
  if (file === ldsFile) return { kind: 'lds' };
  if (file === cdsFile) return { kind: 'cds' };
  const kind = /^(rds|ecds|sds)-/.exec(file)?.[1] as 'rds' | 'ecds' | 'sds' | undefined;
  const name = resources[0]?.name;
  return kind === undefined || typeof name !== 'string' ? undefined : { kind, name };
}

function resourcesOf(text: string): readonly { readonly name?: unknown }[] | undefined {
  try {
    const { resources } = JSON.parse(text) as { readonly resources?: unknown };
    return Array.isArray(resources) ? (resources as readonly { readonly name?: unknown }[]) : undefined;
  } catch {
    return undefined;
  }
}

/** Both roots, and every file that they name, but for those that stand beside and are never written anew. */
function isWhole(content: Content): boolean {
  const roots = [content.get(ldsFile), content.get(cdsFile)];
  return roots.every((root) => {
    const named = [...(root?.body.toString().matchAll(/\/\.\.data\/([^"/]+)"/g) ?? [])].map(([, name]) => name ?? '');
    return root !== undefined && named.every((name) => content.has(name) || isMeshSecret(name));
  });
}
