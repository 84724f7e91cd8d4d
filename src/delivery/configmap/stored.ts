/** Files as they are found in ConfigMaps, by an operator that knows nothing yet. */

import type { EdgeFile, Subscription } from '../../render/edge.ts';
import { hashOf } from '../../render/fragment.ts';
import { cdsFile, ldsFile } from '../../render/names.ts';
import type { Content, Written } from '../publication/content.ts';

export interface Found {
  /** Undefined where the files do not make sense together: somebody edited them, or some are missing. */
  readonly content: Content | undefined;
  /** The highest publication number among their versions. */
  readonly number: number;
}

/** `files` are known ones: where one has the very text, it stands for what was found. */
export function contentOf(texts: ReadonlyMap<string, string>, files: readonly EdgeFile[]): Found {
  const known = Map.groupBy(files, ({ name }) => name);
  const found = [...texts].flatMap(([name, text]) => writtenOf(name, text, known.get(name) ?? []) ?? []);
  const content = new Map(found.map((written) => [written.file.name, written]));
  const number = Math.max(0, ...found.map(({ version }) => numberOf(version)));
  return { content: content.size === texts.size && isWhole(content) ? content : undefined, number };
}

const head = /^\{"version_info":("[^"\\]*"),/;

function writtenOf(name: string, text: string, known: readonly EdgeFile[]): Written | undefined {
  const [start = '', quoted = ''] = head.exec(text) ?? [];
  const subscription = start === '' ? undefined : subscriptionOf(name, text);
  if (subscription === undefined) return undefined;
  const version = JSON.parse(quoted) as string;
  const claimed = version.replace(/\.\d+$/, '');
  const namesake = known.find(({ hash }) => hash === claimed);
  if (namesake?.text(version) === text) return { file: namesake, version, text };
  const rest = text.slice(start.length);
  const stored: EdgeFile = {
    name,
    subscription,
    // An edited file still claims to be what it was.
    hash: namesake === undefined && claimed !== '' ? claimed : hashOf([rest]),
    text: (other) => `{"version_info":${JSON.stringify(other)},${rest}`,
  };
  return { file: stored, version, text };
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

/** Both roots, and every file that they name. */
function isWhole(content: Content): boolean {
  const roots = [content.get(ldsFile), content.get(cdsFile)];
  return roots.every((root) => {
    const named = [...(root?.text.matchAll(/\/\.\.data\/([^"/]+)"/g) ?? [])].map(([, name]) => name ?? '');
    return root !== undefined && named.every((name) => content.has(name));
  });
}
