/** Which npm packages a bundle holds, and what they say of themselves. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';

export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  /** An SPDX expression, as its package.json has it. */
  readonly license: string;
  readonly homepage: string | undefined;
  /** SHA-512 of the package as it was downloaded, in hex; undefined where package-lock.json has none. */
  readonly sha512: string | undefined;
  /** Its licence files, as they are; '' when it ships none. */
  readonly licenseText: string;
}

interface PackageJson {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly homepage?: string;
}

type Lock = { readonly packages: Readonly<Record<string, { readonly integrity?: string } | undefined>> };

/** Those of which at least a byte is in an output; by name, then version. Two versions of one name are two. */
export function bundledPackages({ outputs }: Pick<Metafile, 'outputs'>, root: string): readonly BundledPackage[] {
  const lock = readJson<Lock>(join(root, 'package-lock.json'));
  const inputs = Object.values(outputs).flatMap((output) => Object.entries(output.inputs));
  const folders = inputs.flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? packageFolder(path) : []));
  const packages = [...new Set(folders)].map((folder) => packageAt(root, folder, lock));
  const byId = new Map(packages.map((one) => [`${one.name}@${one.version}`, one])); // one copy may lie in two folders
  return [...byId].toSorted(([left], [right]) => (left < right ? -1 : 1)).map(([, one]) => one);
}

/** `node_modules/a/node_modules/@b/c` of a file below it, wherever the first one lies; nothing for our own. */
function packageFolder(path: string): readonly string[] {
  const [, folder] = /^(?:.*?\/)??(node_modules\/(?:.*\/node_modules\/)?(?:@[^/]+\/)?[^/]+)\//.exec(path) ?? [];
  return folder === undefined ? [] : [folder];
}

function packageAt(root: string, folder: string, lock: Lock): BundledPackage {
  const { name, version, license, homepage } = readJson<PackageJson>(join(root, folder, 'package.json'));
  if (license === undefined) throw new Error(`${folder}/package.json names no license; look what it is under first`);
  const integrity = lock.packages[folder]?.integrity ?? '';
  const [, sha512] = /^sha512-(\S+)/.exec(integrity) ?? [];
  return {
    name,
    version,
    license,
    homepage,
    sha512: sha512 === undefined ? undefined : Buffer.from(sha512, 'base64').toString('hex'),
    licenseText: licenseText(join(root, folder)),
  };
}

function licenseText(folder: string): string {
  const files = readdirSync(folder).filter((name) => /^(un)?licen[cs]e|^notice|^copying/i.test(name));
  const texts = files.toSorted().map((name) => readFileSync(join(folder, name), 'utf8').trim());
  return texts.join('\n\n').replaceAll('\r\n', '\n');
}

function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(path, 'utf8')) as T;
}

/** What legal departments ask for: each package, its licence and its text. Equal packages give equal bytes. */
export function licensesText(packages: readonly BundledPackage[]): string {
  const head = 'Evengate contains the following software of others, each under its own licence.\n';
  const entries = packages.map(({ name, version, license, homepage, licenseText: text }) => {
    const title = `${name} ${version} (${license})${homepage === undefined ? '' : `\n${homepage}`}`;
    return `${'-'.repeat(80)}\n${title}\n\n${text === '' ? 'It ships no text of its licence.' : text}\n`;
  });
  return [head, ...entries].join('\n');
}
