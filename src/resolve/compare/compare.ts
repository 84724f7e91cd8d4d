/** What a change of manifests does to traffic: two resolutions, compared by what requests see of them. */
import type { RouteEntry } from '../../ir/gateway.ts';
import type { PathMatch } from '../../ir/match.ts';
import type { ObjectKey } from '../../kube/object.ts';
import type { Resolution } from '../resolve.ts';
import { answerDifferences } from './answers.ts';
import { Callers, conjunctionAt, shadowDiffers } from './callers.ts';
import { Counts } from './counts.ts';
import { type ChainPair, chainPairs, type DoorPair, doorPairs } from './doors.ts';
import { gatewayChanges } from './gateways.ts';
import { limitEffect } from './limits.ts';
import { type Pair, pairsOf } from './pairs.ts';
import type { Region } from './region.ts';
import { tokenDifference } from './tokens.ts';
import type { Comparison, Difference, Door, GatewayChange, RegionChange } from './types.ts';

/** Empty when every request is answered alike. Names, order and layout of objects are no part of that. */
export function compare(before: Resolution, after: Resolution): Comparison {
  const callers = new Callers();
  const keys = [...new Set([...before.gateways.keys(), ...after.gateways.keys()])].toSorted();
  const readable = keys.filter((key) => !isUnreadable(key, before) && !isUnreadable(key, after));
  const unreadable = [...new Set([...before.gatewayUnits.keys(), ...after.gatewayUnits.keys()])].toSorted();
  const regions: RegionChange[] = [];
  const gateways: GatewayChange[] = [];
  for (const key of readable) {
    const [old, now] = [before.gateways.get(key), after.gateways.get(key)];
    const counts = new Counts();
    for (const chains of chainPairs(key, old, now)) {
      for (const pair of doorPairs(chains)) regions.push(...regionChanges(pair, callers, { chains, counts }));
    }
    gateways.push(...gatewayChanges(key, old, now), ...counts.changes(key));
  }
  return { gateways: [...unreadable.flatMap((key) => unreadableChange(key, before, after)), ...gateways], regions };
}

/** What it serves is its last good form, which no file holds. */
function isUnreadable(key: ObjectKey, { gatewayUnits, className }: Resolution): boolean {
  const unit = gatewayUnits.get(key);
  return unit !== undefined && unit.context === undefined && unit.className === className;
}

function unreadableChange(gateway: ObjectKey, before: Resolution, after: Resolution): readonly GatewayChange[] {
  const [was, is] = [isUnreadable(gateway, before), isUnreadable(gateway, after)];
  if (was === is) return [];
  const words = (unreadable: boolean) => (unreadable ? 'cannot be read: its last good form serves on' : 'can be read');
  return [
    { gateway, what: 'gateway', name: '', before: words(was), after: words(is), effect: was ? 'shifts' : 'differs' },
  ];
}

interface Counting {
  readonly chains: ChainPair;
  readonly counts: Counts;
}

function regionChanges(
  { door, before, after }: DoorPair,
  callers: Callers,
  { chains, counts }: Counting,
): readonly RegionChange[] {
  const accepted = { before: chains.before?.accepted?.issuers, after: chains.after?.accepted?.issuers };
  if (before === after && accepted.before === accepted.after) return [];
  return pairsOf(before?.entries ?? [], after?.entries ?? []).flatMap((pair) => {
    counts.add(chains, pair.before, pair.after);
    const tokens =
      pair.before &&
      pair.after &&
      tokenDifference(
        { entry: pair.before, accepted: accepted.before },
        { entry: pair.after, accepted: accepted.after },
      );
    const differences = [...differencesOf(pair, door, callers), ...(tokens === undefined ? [] : [tokens])];
    return differences.length === 0 ? [] : [{ door, ...pair, differences }];
  });
}

function differencesOf({ region, before, after }: Pair, { host }: Door, callers: Callers): readonly Difference[] {
  if (before === undefined && after === undefined) return [];
  const whole = callers.compare(before, after, (relevant, ports) => conjunctionAt(host, region, relevant, ports));
  const who = whole === undefined ? [] : [whole];
  if (before === undefined || after === undefined) return who;
  // One that answers 500 to everyone does nothing else.
  if ([before, after].some((entry) => callers.admission(entry).kind === 'blocked')) return who;
  const limits = limitEffect(before, after);
  return [
    ...who,
    ...(limits === undefined ? [] : [{ what: 'limits', effect: limits }]),
    ...(shadowDiffers(before, after) ? [{ what: 'shadow', effect: 'differs' as const }] : []),
    ...answers(before, after, region).map((what): Difference => ({ what, effect: 'differs' })),
  ];
}

function answers(before: RouteEntry, after: RouteEntry, { paths }: Region): readonly string[] {
  return answerDifferences(before, after, narrowest(paths));
}

/** An expression below a prefix: edits of prefixes start at the prefix. */
function narrowest([first]: readonly [PathMatch, ...PathMatch[]]): PathMatch {
  return first;
}
