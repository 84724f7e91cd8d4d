/** authorization.k8s.io/v1: what may be asked of rights. Every account may ask of its own; others are a test's. */
import { type JsonObject, objectAt, textAt } from './json.ts';
import type { Attributes, RawRequest, Verb } from './request.ts';
import type { ServedTypes } from './types.ts';

export interface Reviewing {
  readonly types: ServedTypes;
  readonly authorize: (attributes: Attributes) => boolean;
}

const verbs: readonly Verb[] = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'];
const subresources = ['', 'status', 'finalizers', 'log'];

/** Undefined for any other request. */
export function review(server: Reviewing, raw: RawRequest): JsonObject | undefined {
  const [, plural] = /^\/apis\/authorization\.k8s\.io\/v1\/(\w+)$/.exec(raw.url.split('?')[0] ?? '') ?? [];
  if (plural === undefined || raw.method !== 'POST') return undefined;
  const asked = JSON.parse(raw.body) as JsonObject;
  const spec = objectAt(asked, 'spec');
  if (plural === 'selfsubjectrulesreviews') return { ...asked, status: rules(server, textAt(spec, 'namespace')) };
  const attributes = objectAt(spec, 'resourceAttributes');
  const allowed = server.authorize({
    verb: textAt(attributes, 'verb') as Verb,
    group: textAt(attributes, 'group'),
    resource: textAt(attributes, 'resource'),
    subresource: textAt(attributes, 'subresource'),
    namespace: textAt(attributes, 'namespace'),
    name: textAt(attributes, 'name'),
  });
  return { ...asked, status: { allowed } };
}

/** Of a namespace that is none, those that hold in all. */
function rules({ types, authorize }: Reviewing, asked: string): JsonObject {
  const namespace = asked === '*' ? '' : asked;
  const resourceRules = types.all().flatMap(({ group, plural, namespaced }) =>
    subresources.map((subresource) => {
      const place = { group, resource: plural, subresource, namespace: namespaced ? namespace : '', name: '' };
      const resource = subresource === '' ? plural : `${plural}/${subresource}`;
      const may = verbs.filter((verb) => authorize({ verb, ...place }));
      return { verbs: may, apiGroups: [group], resources: [resource] };
    }),
  );
  return {
    incomplete: false,
    nonResourceRules: [],
    resourceRules: resourceRules.filter((rule) => rule.verbs.length > 0),
  };
}
