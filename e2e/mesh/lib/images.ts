/** Istio's images, packed of the Go module that e2e/istio pins: the same programs under the same paths as in Istio's own. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { type Entry, libraries, surroundings } from '../../../scripts/image/entries.ts';
import { findEnvoy } from '../../../src/delivery/envoy/find.ts';
import { type PackedImage, pack } from '../../cluster/images/archive.ts';
import type { Progress } from '../../cluster/images/images.ts';
import { which } from '../../cluster/local/requirements.ts';

/** As Istio's charts take it: `<hub>/pilot:<tag>`, `<hub>/proxyv2:<tag>`. */
export const hub = 'evengate.dev/istio';
export const tag = 'dev';
/** The agent, with Envoy: what an edge gets beside it, too. */
export const proxyImage = `${hub}/proxyv2:${tag}`;

export interface IstioFiles {
  /** The program of e2e/istio/control. */
  readonly binary: string;
  /** Folder of the module istio.io/istio. */
  readonly module: string;
}

export async function packPilot({ binary }: IstioFiles, progress: Progress): Promise<PackedImage> {
  const name = `${hub}/pilot:${tag}`;
  progress(`packing ${name}`);
  const program: Entry = { path: 'usr/local/bin/pilot-discovery', content: { file: binary } };
  return pack({ name, layers: [surroundings(), [program]], entrypoint: ['/usr/local/bin/pilot-discovery'], user });
}

/** With iptables, for the init container that redirects a pod's connections. */
export async function packProxy({ binary, module }: IstioFiles, progress: Progress): Promise<PackedImage> {
  progress(`packing ${proxyImage}`);
  const envoy = await findEnvoy({ env: process.env, progress });
  const file = (path: string, from: string): Entry => ({ path, content: { file: from } });
  const template = join(module, 'tools/packaging/common/envoy_bootstrap.json');
  const base = new Map([...surroundings(), ...(await iptables()), ...(await libraries(envoy.path))].map(byPath));
  return pack({
    name: proxyImage,
    layers: [
      [...base.values()],
      [file('usr/local/bin/envoy', envoy.path)],
      [
        file('usr/local/bin/pilot-agent', binary),
        { ...file('var/lib/istio/envoy/envoy_bootstrap_tmpl.json', template), mode: 0o644 },
      ],
    ],
    entrypoint: ['/usr/local/bin/pilot-agent'],
  });
}

const user = '1337:1337';
const byPath = (entry: Entry): readonly [string, Entry] => [entry.path, entry];

/** Those that speak to nf_tables, under all names that the agent looks for, with the modules that they load. */
async function iptables(): Promise<readonly Entry[]> {
  const program = which('xtables-nft-multi') ?? missing();
  const names = ['iptables', 'ip6tables'].flatMap((family) => {
    return ['', '-nft'].flatMap((flavour) => ['', '-save', '-restore'].map((verb) => `${family}${flavour}${verb}`));
  });
  const modules = ['/usr/lib/x86_64-linux-gnu/xtables', '/usr/lib64/xtables', '/usr/lib/xtables'].find(existsSync);
  if (modules === undefined) return missing();
  return [
    ...names.map((name): Entry => ({ path: `usr/sbin/${name}`, content: { file: program } })),
    ...readdirSync(modules).map((name): Entry => {
      return { path: join(modules, name).slice(1), content: { file: join(modules, name) } };
    }),
    ...(await libraries(program)),
  ];
}

function missing(): never {
  throw new Error('the sidecars of the test mesh need iptables for nf_tables; install the package iptables');
}
