/** An address of this machine that a tenant may name: loopback and link-local ones are refused. */
import { execFileSync } from 'node:child_process';
import { networkInterfaces } from 'node:os';
import process from 'node:process';
import { hostProblem } from '../features/jwt/uri.ts';

export type LocalAddress =
  | { readonly address: string; readonly release: () => void }
  /** Why there is none, and the remedy. */
  | { readonly skip: string };

/** One that the machine has, else, with root, one that is added for as long as the test runs. */
export function localAddress(): LocalAddress {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const known = all.find(({ family, internal, address }) => {
    return family === 'IPv4' && !internal && hostProblem(address) === undefined;
  });
  if (known !== undefined) return { address: known.address, release: () => undefined };
  // Of our own process, so that two runs at once do not take it away from each other.
  const address = `10.200.${(process.pid >> 8) & 255}.${process.pid & 255}`;
  const ip = (verb: 'add' | 'del') =>
    execFileSync('ip', ['addr', verb, `${address}/32`, 'dev', 'lo'], { stdio: 'pipe' });
  try {
    ip('add');
  } catch {
    return { skip: 'this machine has only loopback addresses, and adding one takes root and iproute2: run as root' };
  }
  return { address, release: () => void ip('del') };
}
