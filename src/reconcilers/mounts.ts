/** Which certificates the Pods of a gateway mount. A change of this list replaces all Pods, so it shrinks rarely. */
import type { Gateway } from '../ir/gateway.ts';
import type { ObjectRef } from '../kube/object.ts';
import { secretName, secretOfName } from '../render/names.ts';

/** Past this many that nobody needs, the Pods are replaced to be rid of them. */
const mostStale = 4;

/**
 * @param mounted what the Deployment mounts now: folders `<namespace>.<name>`
 * @param inPlace what the Envoys were told last; undefined where that is not known yet
 */
export function certificateMounts(
  gateway: Gateway,
  mounted: readonly string[],
  inPlace: Gateway | undefined,
): readonly ObjectRef[] {
  const wanted = byFolder(gateway);
  const used = new Map([...(inPlace === undefined ? [] : byFolder(inPlace)), ...wanted]);
  const stale = mounted.filter((folder) => !used.has(folder));
  const known = stale.flatMap((folder) => {
    const ref = secretOfName(folder);
    return ref === undefined ? [] : [[folder, ref] as const];
  });
  const kept = inPlace !== undefined && stale.length > mostStale ? [] : known;
  // What is in place may be in use until the last Pod was told otherwise; what is wanted comes with the next Pods.
  const still = [...used].filter(([folder]) => wanted.has(folder) || mounted.includes(folder));
  const all = new Map([...kept, ...still]);
  return [...all].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, ref]) => ref);
}

function byFolder({ chains }: Gateway): ReadonlyMap<string, ObjectRef> {
  return new Map(
    chains.flatMap(({ certificates }) => certificates.map(({ secret }) => [secretName(secret), secret] as const)),
  );
}
