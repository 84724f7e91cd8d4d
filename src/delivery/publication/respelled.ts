/**
 * A certificate that could not be loaded is loaded again only when its SDS file says something new: Envoy acknowledges,
 * and does not read, what it has read before (source/common/secret/sds_api.cc compares hashes).
 */
import type { EdgeFile } from '../../render/edge.ts';

const mark = '~';

/** The same paths, spelled in another way. */
export function respelled(file: EdgeFile): EdgeFile {
  const folder = 'name' in file.subscription ? file.subscription.name : '';
  return {
    ...file,
    hash: `${file.hash}${mark}`,
    text: (version) => file.text(version).replaceAll(`/${folder}`, `/./${folder}`),
  };
}

/** What both spellings have in common; of a hash, or of a version. */
export function plainHash(hash: string): string {
  return hash.replace(/\.\d+$/, '').replace(mark, '');
}
