/** What clients ask before they know any resource. */
import type { Json, JsonObject } from './json.ts';
import { apiVersionOf, type ServedType, type ServedTypes } from './types.ts';

const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

/** Text or JSON; undefined for a path that is neither. */
export function discover(path: string, types: ServedTypes): Json | undefined {
  if (['/readyz', '/livez', '/healthz'].includes(path)) return 'ok';
  if (path === '/version') return { major: '1', minor: '35', gitVersion: 'v1.35.0', platform: 'linux/amd64' };
  if (path === '/api') return { kind: 'APIVersions', versions: ['v1'] };
  if (path === '/api/v1') return resourceList('v1', types);
  if (path === '/apis') return { kind: 'APIGroupList', apiVersion: 'v1', groups: groupsOf(types) };
  const [, described] = /^\/openapi\/v3\/apis\/([^/]+\/[^/]+)$/.exec(path) ?? [];
  if (described !== undefined) return openapi(described, types);
  const [, groupVersion] = /^\/apis\/([^/]+\/[^/]+)$/.exec(path) ?? [];
  if (groupVersion !== undefined) return resourceList(groupVersion, types);
  const [, group] = /^\/apis\/([^/]+)$/.exec(path) ?? [];
  return groupsOf(types).find(({ name }) => name === group);
}

function groupsOf(types: ServedTypes): readonly JsonObject[] {
  const groups = Map.groupBy(
    types.all().filter(({ group }) => group !== ''),
    ({ group }) => group,
  );
  return [...groups].map(([name, members]) => {
    const versions = [...new Set(members.map(({ version }) => version))];
    const listed = versions.map((version) => ({ groupVersion: `${name}/${version}`, version }));
    return { kind: 'APIGroup', apiVersion: 'v1', name, versions: listed, preferredVersion: listed[0] ?? null };
  });
}

/** Undefined where the group has no such version. */
function resourceList(groupVersion: string, types: ServedTypes): JsonObject | undefined {
  const members = types.all().filter((type) => apiVersionOf(type) === groupVersion);
  if (members.length === 0) return undefined;
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources: members.flatMap(entriesOf) };
}

/** Schemas of custom resources alone. */
function openapi(groupVersion: string, types: ServedTypes): JsonObject | undefined {
  const members = types.all().filter((type) => apiVersionOf(type) === groupVersion && type.schema !== undefined);
  if (members.length === 0) return undefined;
  const schemas = members.map(({ group, version, kind, schema }) => {
    const name = `${group.split('.').toReversed().join('.')}.${version}.${kind}`;
    return [name, { ...(schema as JsonObject), 'x-kubernetes-group-version-kind': [{ group, version, kind }] }];
  });
  return { openapi: '3.0.0', components: { schemas: Object.fromEntries(schemas) as JsonObject } };
}

function entriesOf({ plural, kind, namespaced, status, scale }: ServedType): readonly JsonObject[] {
  const own = { name: plural, singularName: kind.toLowerCase(), namespaced, kind, verbs };
  const part = (name: string, of: JsonObject) => ({
    singularName: '',
    namespaced,
    verbs: ['get', 'patch', 'update'],
    ...of,
    name: `${plural}/${name}`,
  });
  return [
    own,
    ...(status ? [part('status', { kind })] : []),
    ...(scale ? [part('scale', { kind: 'Scale', group: 'autoscaling', version: 'v1' })] : []),
  ];
}
