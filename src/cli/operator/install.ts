/** `evengate install`: what a cluster needs to run the operator, as manifests. */
import { stringify } from 'yaml';
import { crdYaml } from '../../api/crd.ts';
import { kinds } from '../../api/kinds.ts';
import { type InstallOptions, installation } from '../../controllers/operator/install.ts';
import { evengateVersion } from '../../version.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import type { Io } from '../io.ts';

export interface InstallArguments {
  readonly namespace: string;
  readonly image?: string;
  readonly class: string;
  readonly replicas: number;
  readonly watchNamespace?: readonly string[];
  readonly readSecrets?: boolean;
  readonly meshEnrolment?: boolean;
  readonly istioNamespace?: string;
  readonly istioRevision?: readonly string[];
  readonly envoyImage?: string;
  readonly istioAgentImage?: string;
  readonly crds: boolean;
}

export function install(options: InstallArguments, io: Io): ExitCode {
  const wanted: InstallOptions = {
    namespace: options.namespace,
    image: options.image ?? `evengate:${evengateVersion()}`,
    className: options.class,
    replicas: options.replicas,
    watchNamespaces: options.watchNamespace,
    readSecrets: options.readSecrets ?? false,
    meshEnrolment: options.meshEnrolment ?? false,
    istioNamespace: options.istioNamespace,
    istioRevisions: options.istioRevision,
    envoyImage: options.envoyImage,
    istioAgentImage: options.istioAgentImage,
  };
  const objects = installation(wanted).map((object) =>
    stringify(object, { lineWidth: 0, aliasDuplicateObjects: false }),
  );
  const documents = [...(options.crds ? kinds.map(crdYaml) : []), ...objects];
  io.stdout.write(documents.join('---\n'));
  return exitCodes.done;
}
