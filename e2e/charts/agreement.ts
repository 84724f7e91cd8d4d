/** What the chart and `evengate install` both say of an installation, in one shape. */
import type { PolicyRule } from '../../src/controllers/operator/permissions.ts';
import type { KubeObject } from '../../src/kube/object.ts';

export interface Installed {
  readonly replicas: number;
  /** Of the Deployment's Pods, but for names and labels. */
  readonly pod: object;
  readonly container: object;
  readonly arguments: readonly string[];
  /** Namespace, or `*` -> `get apps/deployments`, … */
  readonly rights: Readonly<Record<string, readonly string[]>>;
}

interface Pod {
  readonly containers: readonly { readonly args: readonly string[]; readonly imagePullPolicy?: string }[];
  readonly serviceAccountName: string;
}

/** Throws when the operator's account is not the one that the rights are bound to. */
export function installed(objects: readonly KubeObject[]): Installed {
  const deployment = objects.find(({ kind }) => kind === 'Deployment');
  const spec = deployment?.spec as { readonly replicas: number; readonly template: { readonly spec: Pod } };
  const { containers, serviceAccountName, ...pod } = spec.template.spec;
  const [{ args, imagePullPolicy, ...container } = { args: [] }] = containers;
  const account = objects.find(({ kind }) => kind === 'ServiceAccount')?.metadata;
  if (account?.name !== serviceAccountName) throw new Error(`${serviceAccountName} is not made`);
  return {
    replicas: spec.replicas,
    pod,
    // What Kubernetes does where nobody says it, as the tag is not `latest`.
    container: imagePullPolicy === 'IfNotPresent' ? container : { imagePullPolicy, ...container },
    arguments: args.toSorted(),
    rights: rightsOf(objects, serviceAccountName),
  };
}

interface Binding extends KubeObject {
  readonly roleRef: { readonly kind: string; readonly name: string };
  readonly subjects: readonly { readonly kind: string; readonly name: string }[];
}

function rightsOf(objects: readonly KubeObject[], account: string): Installed['rights'] {
  const found = new Map<string, Set<string>>();
  for (const { roleRef, subjects, metadata } of objects.filter(isBinding)) {
    const role = objects.find(
      (one) =>
        one.kind === roleRef.kind &&
        one.metadata.name === roleRef.name &&
        one.metadata.namespace === metadata.namespace,
    ) as { readonly rules?: readonly PolicyRule[] } | undefined;
    if (role?.rules === undefined || subjects.some(({ name }) => name !== account)) {
      throw new Error(`${metadata.name} binds ${roleRef.name} to somebody else`);
    }
    const where = metadata.namespace ?? '*';
    const rights = found.get(where) ?? new Set<string>();
    for (const right of role.rules.flatMap(spelled)) rights.add(right);
    found.set(where, rights);
  }
  return Object.fromEntries([...found].map(([where, rights]) => [where, [...rights].toSorted()]));
}

function isBinding(object: KubeObject): object is Binding {
  return object.kind.endsWith('RoleBinding');
}

function spelled({ apiGroups, resources, resourceNames, verbs }: PolicyRule): readonly string[] {
  return apiGroups.flatMap((group) =>
    resources.flatMap((resource) =>
      verbs.map((verb) => [`${verb} ${group}/${resource}`, ...(resourceNames ?? [])].join(' ')),
    ),
  );
}
