/** What a user reads about each likely mistake. Every one is refused by the API server as well. */
import { describe, expect, test } from '@jest/globals';
import { apiServer } from '../testing/api-server.ts';
import { changed } from '../testing/leaves.ts';
import { mistakes, smallSpecs } from '../testing/mistakes/all.ts';
import { decode } from './decode.ts';
import { kinds } from './kinds.ts';

describe.each(kinds.map((definition) => [definition.kind, definition] as const))('%s', (kind, definition) => {
  const server = apiServer(definition);
  const rows = (mistakes[kind] ?? []).map((mistake) => [JSON.stringify(mistake.slice(0, 2)), mistake] as const);

  test('the spec that the mistakes are put into is good', () => {
    expect(server.refusals(smallSpecs[kind])).toEqual([]);
  });

  test.each(rows)('%s', (_, [at, wrong, ...said]) => {
    const spec = changed(smallSpecs[kind], at, () => wrong);
    const { findings } = decode(definition.spec, spec, { about: { kind, namespace: 'shop', name: 'a' }, at: 'spec' });
    expect(findings.map((finding) => `${finding.at}: ${finding.message}. ${finding.remedy}`)).toEqual(said);
    expect(server.refusals(spec)).not.toEqual([]);
  });
});
