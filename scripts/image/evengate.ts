/** Evengate's image: what is in it and how it starts. Containerfile builds it for users, e2e/cluster/images for tests. */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { imageSbom, type OtherPackage, type SpdxDocument } from '../sbom.ts';
import { debianPackages, type Entry, environment, libraries, nonroot, surroundings } from './entries.ts';

const root = join(import.meta.dirname, '../..');

/** What a container engine is told, and Containerfile repeats; e2e/image.test.ts compares them. */
export const settings = {
  // A pod's memory is paid for, and a young generation of 16 MiB does not slow this program.
  entrypoint: ['/usr/local/bin/node', '--max-semi-space-size=16', '/app/evengate.js'],
  user: nonroot,
  workdir: '/',
  environment,
} as const;

/** Of https://specs.opencontainers.org/image-spec/annotations. */
export function labels(version: string, revision: string): Readonly<Record<string, string>> {
  return {
    'org.opencontainers.image.title': 'evengate',
    'org.opencontainers.image.description': packageJson().description,
    'org.opencontainers.image.licenses': packageJson().license,
    'org.opencontainers.image.version': version,
    'org.opencontainers.image.revision': revision,
  };
}

export function packageJson() {
  const text = readFileSync(join(root, 'package.json'), 'utf8');
  return JSON.parse(text) as { readonly version: string; readonly description: string; readonly license: string };
}

export interface Layers {
  /** What changes with Node or the system only. */
  readonly runtime: readonly Entry[];
  readonly app: readonly Entry[];
}

/** `node` is the program, `bundle` the folder that scripts/build.ts wrote into. */
export async function layers(node: string, bundle: string): Promise<Layers> {
  const debian = await debianPackages(node);
  const runtime: readonly Entry[] = [
    ...surroundings(),
    ...(await libraries(node)),
    ...debian.map(({ copyright }) => copyright),
    ...licenseOf(node),
    { path: 'usr/local/bin/node', content: { file: node } },
  ];
  const others = [await nodePackage(node), ...debian.map(({ facts }) => facts)];
  return { runtime, app: appEntries(bundle, others) };
}

/** Without source maps, which nothing in a container reads. */
function appEntries(bundle: string, others: readonly OtherPackage[]): readonly Entry[] {
  const text = (path: string) => readFileSync(join(bundle, path), 'utf8');
  const scripts = readdirSync(bundle, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.js'));
  const sbom = imageSbom(JSON.parse(text('evengate.spdx.json')) as SpdxDocument, others);
  const texts = [
    ...scripts.toSorted().map((path) => [path, text(path)] as const),
    ['package.json', `${JSON.stringify({ type: 'module' })}\n`],
    ['evengate.spdx.json', `${JSON.stringify(sbom, null, 2)}\n`],
    ['evengate.licenses.txt', text('evengate.licenses.txt')],
    ['LICENSE', readFileSync(join(root, 'LICENSE'), 'utf8')],
  ] as const;
  return texts.map(([path, content]) => ({ path: `app/${path}`, content: { text: content } }));
}

async function nodePackage(node: string): Promise<OtherPackage> {
  const { stdout } = await promisify(execFile)(node, ['--version']);
  const version = stdout.trim().slice(1);
  return { name: 'node', version, purl: `pkg:generic/node@${version}`, license: 'MIT' };
}

/** Node's own, with those of all that is compiled into it; both its archives and npm's packages have it there. */
function licenseOf(node: string): readonly Entry[] {
  const file = join(node, '../../LICENSE');
  return existsSync(file) ? [{ path: 'usr/share/doc/node/copyright', content: { file }, mode: 0o644 }] : [];
}
