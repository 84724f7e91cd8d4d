/** What no certificate of a client may say, whoever signed it. */
import { types } from '../envoy/json.ts';
import type { NamedConfig } from '../envoy/listener.ts';
import type { Principal, RbacPolicy } from '../envoy/rbac.ts';
import { filterNames } from '../features/names.ts';
import type { MeshSettings } from '../ir/mesh.ts';

const uris = 'evengate.client_uris';

/** Keeps the URIs of the certificate, which RBAC cannot count, for `clientPolicy`. */
export const clientMemory: NamedConfig = {
  name: filterNames.client,
  typed_config: {
    '@type': types.setFilterState,
    on_request_headers: [
      {
        object_key: uris,
        factory_key: 'envoy.string',
        skip_if_empty: true,
        format_string: { text_format_source: { inline_string: '%DOWNSTREAM_PEER_URI_SAN%' }, omit_empty_values: true },
      },
    ],
  },
};

/** Of two identities, each policy could mean another one (X.509-SVID §2 allows one). They are joined by commas. */
const several: Principal = { filter_state: { key: uris, string_match: { safe_regex: { regex: '(?s).*,.*' } } } };

/** DENY. An authority outside of the mesh must not speak for who is in it. */
export function clientPolicy(mesh: MeshSettings | undefined): RbacPolicy {
  const domains = mesh === undefined ? [] : [mesh.trustDomain, ...mesh.trustDomainAliases];
  const inMesh = [...new Set(domains)].map((domain): Principal => {
    return { authenticated: { principal_name: { prefix: `spiffe://${domain}/`, ignore_case: true } } };
  });
  return { permissions: [{ any: true }], principals: [several, ...inMesh] };
}
