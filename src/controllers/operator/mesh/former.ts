/**
 * What stays for Pods that a workload selected until its Service's selector changed: first what is under way to them is
 * admitted, and then nobody. Pure.
 */
import { isDeepStrictEqual } from 'node:util';
import type { MeshWorkload } from '../../../ir/mesh.ts';
import type { AuthorizationPolicy, RequestAuthentication, Rule, SecurityObject } from '../../../istio/security.ts';
import type { Labels } from '../../../kube/pods.ts';
import { contentAnnotation } from '../../../reconcilers/drift.ts';
import { type Former, formerName, ofFormer, selectorText } from '../../../render/mesh.ts';
import { isClosing, isCounted, isKept, isOfOtherPorts, isPolicy, kept } from './kept.ts';
import { creationRank, prepared } from './objects.ts';
import { labelsOf } from './succession.ts';
import { type Edge, forIdentities, withTokens } from './travelling.ts';

/** On what still admits what is under way: since when. */
export const formerAnnotation = 'evengate.dev/former';

const why =
  'its Service selects other Pods now; it goes with the last of those that it is about, or by spec.mesh.onLastPolicy: Release';

export interface Left {
  readonly name: string;
  readonly selector: Labels;
  readonly objects: readonly SecurityObject[];
}

/**
 * What is there for a workload, and closes other Pods than it is about now: by their selectors.
 * @param desired what is to be there
 */
export function leftBehind(
  workload: MeshWorkload,
  there: readonly SecurityObject[],
  desired: readonly SecurityObject[],
): readonly Left[] {
  const own = selectorText(workload.selector);
  const others = there.filter(
    ({ spec }) => spec?.selector !== undefined && selectorText(spec.selector.matchLabels ?? {}) !== own,
  );
  const [, service = ''] = workload.key.split('/');
  const isChanged = (object: SecurityObject) => desired.some((one) => isWrittenFor(one, object));
  return [...Map.groupBy(others, (object) => selectorText(labelsOf(object))).values()].flatMap((objects) => {
    const closing = objects.find((object) => isClosing(object) && !isChanged(object));
    const selector = closing && labelsOf(closing);
    // An empty one is not ours: it would be about the whole namespace.
    if (selector === undefined || Object.keys(selector).length === 0) return [];
    return [{ name: formerName(service, selector), selector, objects }];
  });
}

/** It was written as it is to be now: another selector is somebody else's, and says nothing of Pods that we have closed. */
function isWrittenFor(desired: SecurityObject, live: SecurityObject): boolean {
  if (desired.kind !== live.kind || desired.metadata.name !== live.metadata.name) return false;
  const content = live.metadata.annotations?.[contentAnnotation];
  return content !== undefined && prepared(desired, live).metadata.annotations?.[contentAnnotation] === content;
}

/** Read anew each time: it is another text whenever the selector changes once more. */
export function asFormer({ name, selector, objects }: Left): Former {
  const [closing] = objects.filter(isClosing);
  const { generation = 1, name: own = '' } = closing?.metadata ?? {};
  const since = `its Service selects other Pods since generation ${generation} of ${own}`;
  return { name, selector, annotations: { [formerAnnotation]: `${since}; what is under way to these is admitted` } };
}

/** As it is there. */
export function asBefore(name: string, objects: readonly SecurityObject[]): Former {
  const said = objects
    .map(({ metadata }) => metadata.annotations?.[formerAnnotation])
    .find((text) => text !== undefined);
  const text = said ?? 'its Service selects other Pods now; what is under way to these is admitted';
  return { name, selector: selectorOf(objects), annotations: { [formerAnnotation]: text } };
}

/** Of those that have one. */
export function selectorOf(objects: readonly SecurityObject[]): Labels {
  return objects.find(({ spec }) => spec?.selector !== undefined)?.spec?.selector?.matchLabels ?? {};
}

/** A workload as some Envoys still know it: about the Pods that are closed for it. */
export function ofItsPods(workload: MeshWorkload, stored: readonly SecurityObject[]): MeshWorkload {
  const selector = selectorOf(stored.filter(isClosing));
  return Object.keys(selector).length === 0 ? workload : { ...workload, selector };
}

export interface UnderWay {
  readonly former: Former;
  readonly className: string;
  /** What is to be there for the workload as it is now. */
  readonly desired: readonly SecurityObject[];
  /** Principals: who sends on for a while. */
  readonly senders: ReadonlySet<string>;
}

/** Of what was admitted: what is sent by edges, and what the workload still admits. What it refuses is refused here, too. */
export function underWay(before: readonly SecurityObject[], to: UnderWay): readonly SecurityObject[] {
  const desired = to.desired.filter((object) => object.spec?.selector !== undefined && !isCounted(object));
  const still = desired.filter(isClosing).flatMap(({ spec }) => plain(spec?.rules ?? []));
  const objects = [
    ...tokens(before, desired),
    ...desired.filter((object) => isPolicy(object) && !isClosing(object)),
    ...before.filter(isClosing).map((object) => narrowed(object, still, to.senders)),
    ...before.filter(({ kind }) => kind === 'PeerAuthentication'),
  ];
  return objects
    .map((object) => ofFormer(object, to.former, to.className))
    .toSorted((a, b) => creationRank(a) - creationRank(b));
}

function tokens(before: readonly SecurityObject[], desired: readonly SecurityObject[]): readonly SecurityObject[] {
  const isTokens = (object: SecurityObject): object is RequestAuthentication => object.kind === 'RequestAuthentication';
  const [was, now] = [before.find(isTokens), desired.find(isTokens)];
  if (was === undefined || now === undefined) return [was ?? now].filter((object) => object !== undefined);
  return withTokens(now, was);
}

function narrowed(
  { spec: { rules = [], ...spec } = {}, ...object }: AuthorizationPolicy,
  still: readonly Rule[],
  senders: ReadonlySet<string>,
): AuthorizationPolicy {
  const left = rules.flatMap((rule) =>
    isOfOtherPorts(rule) || still.some((one) => isDeepStrictEqual(one, rule)) ? [rule] : forIdentities(rule, senders),
  );
  return { ...object, spec: { ...spec, ...(left.length > 0 && { rules: left }) } };
}

/** As it is stored. */
function plain(rules: readonly Rule[]): readonly Rule[] {
  return JSON.parse(JSON.stringify(rules)) as readonly Rule[];
}

/** Nothing is under way any more. */
export function over(stored: readonly SecurityObject[]): readonly SecurityObject[] {
  return kept(stored, why);
}

/** Also where nothing is closed yet. */
export function isOver(stored: readonly SecurityObject[]): boolean {
  return stored.filter(isClosing).every(isKept);
}

/** Edges in the mesh, and the waypoint through which they come. */
export function sendersOf(edges: readonly Edge[], workload: MeshWorkload | undefined): ReadonlySet<string> {
  const { namespace, settings } = workload ?? {};
  const waypoint = settings?.waypoint && `${settings.trustDomain}/ns/${namespace}/sa/${settings.waypoint.name}`;
  const own = edges.flatMap(({ key, gateway, served }) => [
    gateway.mesh?.identity,
    served?.gateways.get(key)?.mesh?.identity,
  ]);
  return new Set([...own, waypoint].filter((principal) => principal !== undefined));
}
