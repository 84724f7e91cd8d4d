/** The Envoy that tests run, found as `evengate run` finds it. */
import process from 'node:process';
import { findEnvoy, NoEnvoyError } from '../delivery/envoy/find.ts';
import { requirePart } from './parts.ts';

export type EnvoyForTests = { readonly binary: string } | { readonly skip: string };

/** `skip` says why there is none; throws instead when EVENGATE_REQUIRE names `envoy`. */
export async function envoyForTests(): Promise<EnvoyForTests> {
  try {
    const found = await findEnvoy({ env: process.env, progress: (line) => process.stderr.write(`${line}\n`) });
    return { binary: found.path };
  } catch (error) {
    if (!(error instanceof NoEnvoyError)) throw error;
    requirePart('envoy', error.message);
    return { skip: error.message };
  }
}
