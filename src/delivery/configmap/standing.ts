/** How far each Envoy of a gateway is, for somebody who looks on: what they are told, and what each has taken. */
import type { Client } from '../../kube/client.ts';
import type { ConfigMap } from '../../kube/core.ts';
import type { ObjectRef } from '../../kube/object.ts';
import { resources } from '../../kube/resources.ts';
import { revisionOf } from '../../render/edge.ts';
import { configMapNames } from '../../render/names.ts';
import { type Content, expectedOf, revisionOfContent, rootOf } from '../publication/content.ts';
import { plainHash } from '../publication/respelled.ts';
import type { EdgePod, PodAccess } from './contract.ts';
import { bodiesIn } from './store.ts';
import { contentOf } from './stored.ts';

export interface Standing {
  /** Of what is in place; '' where nothing is, or it makes no sense. */
  readonly wanted: string;
  readonly envoys: readonly EnvoyStanding[];
}

export interface EnvoyStanding {
  readonly pod: EdgePod;
  /** Revision of what it has of the wanted files; undefined where it has none of some, or does not answer. */
  readonly acknowledged: string | undefined;
  /** Wanted files of which it has another version. */
  readonly behind: number;
  /** Why it could not be asked: an ApiError, or what its connection said. */
  readonly silent: unknown;
}

/** Throws ApiError where the ConfigMaps cannot be read. */
export async function standing(
  gateway: ObjectRef,
  pods: readonly EdgePod[],
  { client, access }: { readonly client: Client; readonly access: PodAccess },
): Promise<Standing> {
  const content = await inPlace(gateway, client);
  const envoys = await Promise.all(pods.map((pod) => envoyStanding(pod, content, access)));
  return { wanted: content.size === 0 ? '' : revisionOfContent(content), envoys };
}

async function inPlace({ namespace, name, kind }: ObjectRef, client: Client): Promise<Content> {
  const names = configMapNames({ namespace, name, kind });
  const found = await Promise.all(
    names.map((own) => client.get<ConfigMap>(resources.ConfigMap, { namespace, name: own })),
  );
  const bodies = new Map(found.flatMap((one) => (one === undefined ? [] : [...bodiesIn(one)])));
  return contentOf(bodies, []).content ?? new Map();
}

async function envoyStanding(pod: EdgePod, content: Content, access: PodAccess): Promise<EnvoyStanding> {
  const expected = expectedOf(content);
  try {
    const seen = await access.stats(pod, '\\.version_text$', 'TextReadouts');
    const lacks = ([root, version]: readonly [string, string]) => {
      const has = String(seen.get(`${root}.version_text`) ?? '');
      return has !== version && !isUnloaded(root, { version, has });
    };
    const behind = [...expected].filter(lacks).length;
    return { pod, acknowledged: acknowledged(content, seen), behind, silent: undefined };
  } catch (error) {
    return { pod, acknowledged: undefined, behind: expected.size, silent: error };
  }
}

/** A certificate that it could not load, or not again: the ApiGateway tells of it, and the rest is as it should be. */
function isUnloaded(root: string, { version, has }: { readonly version: string; readonly has: string }): boolean {
  return root.startsWith('sds.') && (has === '' || plainHash(has) === plainHash(version));
}

/** The revision that the wanted files would have, were they as this Envoy has them. */
function acknowledged(content: Content, seen: ReadonlyMap<string, number | string>): string | undefined {
  const read = expectedOf(content);
  const files = [...content].map(([name, { file, version }]) => {
    const root = rootOf(file);
    const seenVersion = String(seen.get(`${root}.version_text`) ?? '');
    const has = read.has(root) && !isUnloaded(root, { version, has: seenVersion }) ? seenVersion : version;
    return { name, hash: plainHash(has) };
  });
  if (files.length === 0 || files.some(({ hash }) => hash === '')) return undefined;
  return revisionOf(files);
}
