/** What is remembered of the Envoys of a gateway. */
import type { Before } from '../envoy/acknowledge.ts';
import type { Content } from '../publication/content.ts';
import type { Unusable } from './ask.ts';
import type { EdgePod } from './contract.ts';

/** What is known of the Envoy of one pod. */
export interface Known {
  /** Acknowledged last. */
  serves?: Content;
  /** Before what is in place was placed. */
  before?: Before | undefined;
  /** It did not take up something in time, and nothing since: nobody waits for it any more. */
  late: boolean;
  /** Since what is in place was placed. */
  touches: number;
  touchedAt: number;
  /** By file: what it could not load when it was told last. */
  unusable: ReadonlyMap<string, Unusable>;
  /** Of each certificate that it has loaded, by stats root: how often it had refused one when that was known last. */
  readonly sound: Map<string, number>;
}

export function newEnvoy(): Known {
  return { late: false, touches: 0, touchedAt: 0, unusable: new Map(), sound: new Map() };
}

/** Of its Envoy, which may not be the first in its Pod. */
export function idOf({ uid, restarts }: EdgePod): string {
  return `${uid} ${restarts}`;
}

/**
 * Whether so many refusals say nothing against the certificate that was acknowledged last.
 *
 * @param fresh the Envoy was looked at before it could know what it has acknowledged
 */
export function isSound(
  { sound, before }: Known,
  fresh: boolean,
  { root, refused }: { readonly root: string; readonly refused: number },
): boolean {
  if (refused === 0 || sound.get(root) === refused) return true;
  return fresh && before !== undefined && (before.refused.get(root) ?? 0) === refused;
}
