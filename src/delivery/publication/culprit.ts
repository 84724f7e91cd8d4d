/** What Envoy refused, as findings about the objects that wrote it. */
import type { ObjectRef } from '../../kube/object.ts';
import type { Finding } from '../../status/finding.ts';
import { isOfCertificate, type Refusal } from './content.ts';

/** One finding a refused file: its names hold those of the objects that it was rendered from. */
export function findingsOf(gateway: ObjectRef, refusals: readonly Refusal[]): readonly Finding[] {
  return refusals.flatMap((refusal) => (takenPorts([refusal]).length > 0 ? [] : [findingOf(gateway, refusal)]));
}

/** Ports of this machine that Envoy could not bind because somebody else has them. */
export function takenPorts(refusals: readonly Refusal[]): readonly number[] {
  return refusals.flatMap(({ detail }) =>
    [...detail.matchAll(/cannot bind '[^']+:(\d+)': Address already in use/gi)].map(([, port]) => Number(port)),
  );
}

function findingOf(gateway: ObjectRef, { file, detail }: Refusal): Finding {
  const said =
    detail === '' ? `did not take ${file.name} in time` : `refused ${file.name}: ${detail.replace(/\.$/, '')}`;
  return {
    about: aboutOf(detail) ?? gateway,
    severity: 'error',
    reason: 'NotProgrammed',
    at: '',
    message: `Envoy ${said}; what it served before stays`,
    remedy:
      file.subscription.kind === 'lds' && isOfCertificate({ kind: 'lds', detail })
        ? 'Mend the TLS Secret that was rotated to a pair that does not fit; it is tried again by itself'
        : 'Undo the last change of what is named here, and report this: Evengate should have refused it',
  };
}

const label = '[a-z0-9](?:[a-z0-9-]*[a-z0-9])?';
const objectName = '[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?';
/** `shop/orders/80` */
const cluster = new RegExp(`cluster\\(s\\) (${label})/(${objectName})/\\d+`);
/** `shop/orders/read/0` */
const route = new RegExp(`(?<![\\w/.-])(${label})/(${objectName})/${objectName}/\\d+(?![\\w/.-])`);

function aboutOf(detail: string): ObjectRef | undefined {
  const [, serviceNamespace, service] = cluster.exec(detail) ?? [];
  if (serviceNamespace !== undefined && service !== undefined) {
    return { kind: 'Service', namespace: serviceNamespace, name: service };
  }
  const [, namespace, name] = route.exec(detail) ?? [];
  return namespace === undefined || name === undefined ? undefined : { kind: 'Route', namespace, name };
}
