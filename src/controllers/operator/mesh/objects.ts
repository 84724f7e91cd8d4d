/** An object for Istio as it is written, and whether what is there is that. Pure. */
import { isDeepStrictEqual } from 'node:util';
import { dryRunAnnotation, type SecurityObject } from '../../../istio/security.ts';
import type { KubeObject } from '../../../kube/object.ts';
import { isApplied, marked } from '../../../reconcilers/drift.ts';
import { isClosing, isPolicy } from './kept.ts';

/**
 * Marked. What somebody else declared a trial (`istio.io/dry-run` on what is in force) is said to be none: what another manager
 * wrote goes away only by being written.
 */
export function prepared(object: SecurityObject, live: KubeObject | undefined): KubeObject {
  const { metadata } = object;
  const isTrial = live?.metadata.annotations?.[dryRunAnnotation] !== undefined;
  if (!isPolicy(object) || !isTrial || metadata.annotations?.[dryRunAnnotation] !== undefined) return marked(object);
  const annotations = { ...metadata.annotations, [dryRunAnnotation]: 'false' };
  return marked({ ...object, metadata: { ...metadata, annotations } });
}

/** All of the spec: what somebody else adds to a rule makes it say something else. */
export function isAsDesired(desired: KubeObject, live: KubeObject): boolean {
  const isTrial = live.metadata.annotations?.[dryRunAnnotation] !== undefined;
  const mayBeTrial = desired.metadata.annotations?.[dryRunAnnotation] !== undefined;
  return isApplied(desired, live) && isTrial === mayBeTrial && isDeepStrictEqual(plain(desired.spec), plain(live.spec));
}

function plain(value: unknown): unknown {
  return value === undefined ? {} : JSON.parse(JSON.stringify(value));
}

/**
 * What comes first is created first and deleted last: tokens are verified before a rule asks for them, who is refused is so
 * before anybody is admitted, and plaintext is refused when all else is there.
 */
export function creationRank(object: SecurityObject): number {
  if (object.kind === 'RequestAuthentication') return 0;
  if (object.kind === 'PeerAuthentication') return 4;
  if (!isClosing(object)) return 1;
  return object.spec?.targetRefs === undefined ? 3 : 2;
}
