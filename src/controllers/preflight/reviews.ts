/** authorization.k8s.io/v1: which rights we have, which every account may ask, and which another has, which few may. */
import type { Client, ResourceType } from '../../kube/client.ts';
import type { KubeObject } from '../../kube/object.ts';
import { resources } from '../../kube/resources.ts';
import type { MissingRights, Right } from './rights.ts';

interface ResourceRule {
  readonly verbs?: readonly string[];
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
}

interface RulesReview extends KubeObject {
  readonly status?: { readonly resourceRules?: readonly ResourceRule[] };
}

interface AccessReview extends KubeObject {
  readonly status?: { readonly allowed?: boolean };
}

/** No namespace has this name, so no RoleBinding adds to the rules that hold in all. */
const everywhere = '*';

/**
 * One request for all rules; where it does not show a right (other authorizers than RBAC tell no rules) one more for that right,
 * which is exact.
 */
export function ownRights(client: Client): MissingRights {
  return async (rights, namespace, signal) => {
    const spec = { namespace: namespace ?? everywhere };
    const { status } = await review<RulesReview>(client, resources.SelfSubjectRulesReview, spec, signal);
    const rules = status?.resourceRules ?? [];
    const doubtful = rights.filter((right) => !rules.some((rule) => grants(rule, right)));
    return refused(doubtful, async (right) =>
      review<AccessReview>(
        client,
        resources.SelfSubjectAccessReview,
        { resourceAttributes: attributes(right, namespace) },
        signal,
      ),
    );
  };
}

/** Of `namespace/name`, a service account. */
export function rightsOfAccount(
  client: Client,
  account: { readonly namespace: string; readonly name: string },
): MissingRights {
  const everybody = ['system:authenticated', 'system:serviceaccounts', `system:serviceaccounts:${account.namespace}`];
  const user = `system:serviceaccount:${account.namespace}:${account.name}`;
  return async (rights, namespace, signal) =>
    refused(rights, async (right) => {
      const spec = { user, groups: everybody, resourceAttributes: attributes(right, namespace) };
      return review<AccessReview>(client, resources.SubjectAccessReview, spec, signal);
    });
}

/** At a time. */
const questions = 8;

async function refused(
  rights: readonly Right[],
  ask: (right: Right) => Promise<AccessReview>,
): Promise<readonly Right[]> {
  const answers = new Map<Right, boolean>();
  const rest = rights.values();
  const worker = async () => {
    for (const right of rest) answers.set(right, (await ask(right)).status?.allowed === true);
  };
  await Promise.all(Array.from({ length: questions }, worker));
  return rights.filter((right) => answers.get(right) !== true);
}

function attributes({ verb, group, resource, name }: Right, namespace: string | undefined): object {
  const [plural = '', subresource] = resource.split('/');
  const of = { ...(subresource && { subresource }), ...(namespace && { namespace }), ...(name && { name }) };
  return { verb, group, resource: plural, ...of };
}

function review<T extends KubeObject>(
  client: Client,
  type: ResourceType,
  spec: object,
  signal?: AbortSignal,
): Promise<T> {
  const { group, version, kind } = type;
  // A review is asked, not kept, and has no name.
  const object = { apiVersion: `${group}/${version}`, kind, metadata: { name: '' }, spec };
  return client.create<T>(type, object, signal === undefined ? {} : { signal });
}

/** As RBAC reads a rule. */
export function grants(
  { verbs = [], apiGroups = [], resources: plurals = [], resourceNames = [] }: ResourceRule,
  right: Right,
): boolean {
  const has = (list: readonly string[], value: string) => list.includes('*') || list.includes(value);
  const [, subresource] = right.resource.split('/');
  const covered = has(plurals, right.resource) || (subresource !== undefined && plurals.includes(`*/${subresource}`));
  const isOfIt = resourceNames.length === 0 || (right.name !== undefined && resourceNames.includes(right.name));
  return isOfIt && has(verbs, right.verb) && has(apiGroups, right.group) && covered;
}
