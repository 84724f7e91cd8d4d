/** A cluster for tests, from whatever this machine has. README.md tells of each. */
import process from 'node:process';
import { type Cluster, kinds, type Progress, type Provider } from './cluster.ts';
import { existing } from './existing.ts';
import { k3s } from './k3s.ts';
import { kind } from './kind.ts';
import { local } from './local/index.ts';

export type { Cluster, Kind } from './cluster.ts';

const providers: readonly Provider[] = [existing, kind, k3s, local];

/**
 * Why there can be no cluster here: one sentence with the remedy, for `requirePart`. Throws when EVENGATE_E2E asks for
 * one that cannot be had: who asks does not want a skip.
 */
export async function whyNoCluster(): Promise<string | undefined> {
  const chosen = await choose();
  return 'missing' in chosen ? chosen.missing : undefined;
}

/** Throws where there can be none. */
export async function startCluster(progress: Progress): Promise<Cluster> {
  const chosen = await choose();
  if ('missing' in chosen) throw new Error(chosen.missing);
  return chosen.provider.start(progress);
}

async function choose(): Promise<{ readonly provider: Provider } | { readonly missing: string }> {
  const wanted = process.env['EVENGATE_E2E'] ?? '';
  if (wanted !== '') return { provider: await asked(wanted) };
  let missing = '';
  for (const provider of providers) {
    const reason = await provider.whyNot();
    if (reason === undefined) return { provider };
    missing = reason;
  }
  return { missing };
}

async function asked(wanted: string): Promise<Provider> {
  const provider = providers.find((one) => one.kind === wanted);
  if (provider === undefined) throw new Error(`EVENGATE_E2E is "${wanted}"; it can be ${kinds.join(', ')}`);
  const reason = await provider.whyNot();
  if (reason !== undefined) throw new Error(`EVENGATE_E2E asks for ${wanted}, but ${reason}`);
  return provider;
}
