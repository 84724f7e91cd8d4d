/** For `validate` of startKubeApi: our kinds judged by their CRDs. */
import { kinds } from '../../api/kinds.ts';
import { type ApiServer, apiServer } from '../api-server.ts';
import type { World } from './world.ts';

const judges = new Map<string, ApiServer>();

export const kindRefusals: World['validate'] = (object) => {
  const definition = kinds.find(({ kind }) => kind === object.kind);
  if (definition === undefined) return [];
  const judge = judges.get(object.kind) ?? apiServer(definition);
  judges.set(object.kind, judge);
  return judge.refusals(object['spec'] ?? {}).map((refusal) => {
    const [, at = '', message = refusal] = /^(\S*): (.*)$/s.exec(refusal) ?? [];
    const pointer = at.replaceAll(/\/(\d+)/g, '[$1]').replaceAll('/', '.');
    return { field: pointer.startsWith('spec') ? pointer : `spec${pointer}`, message };
  });
};
