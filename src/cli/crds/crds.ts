/** `evengate crds`: the CustomResourceDefinitions of this version. */
import { crdYaml } from '../../api/crd.ts';
import { group } from '../../api/kind.ts';
import { kinds } from '../../api/kinds.ts';
import type { ExitCode } from '../exit-codes.ts';
import { writeFiles } from '../files.ts';
import type { Io } from '../io.ts';

export interface CrdsOptions {
  readonly output?: string;
}

export async function crds({ output }: CrdsOptions, io: Io): Promise<ExitCode> {
  const files = kinds.map((definition) => ({
    path: `${group}_${definition.plural}.yaml`,
    text: crdYaml(definition),
  }));
  return writeFiles(files, output, io);
}
