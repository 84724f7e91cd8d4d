import { expect, test } from '@jest/globals';
import { parseExposition } from '../testing/exposition.ts';
import { rigSuite } from '../testing/rig.ts';
import { testCertificate, tlsSecret } from '../testing/rig-certificates.ts';
import { apiGateway, authPolicy, everyone, route, service, to, under } from '../testing/rig-manifests.ts';

const listeners = [
  { name: 'web', port: 80, protocol: 'HTTP' },
  { name: 'tls', port: 443, protocol: 'HTTPS', tls: { certificateRefs: [{ name: 'wild' }] } },
];
const login = {
  name: 'login',
  issuer: 'https://login.example.com',
  jwks: { uri: 'https://keys.example.com/jwks' },
};
const manifests = [
  apiGateway({ listeners }),
  tlsSecret('wild', testCertificate('*.example.com')),
  service('orders'),
  route('all', [
    { name: 'open', ...under('/open'), ...to('orders') },
    { name: 'guarded', ...under('/guarded'), ...to('orders') },
  ]),
  authPolicy('guarded', 'Route/all/guarded', { authenticate: { jwt: [login] } }),
  authPolicy('open', 'Route/all/open', everyone),
];

await rigSuite(
  'the statistics of an Envoy',
  () => manifests,
  (rig) => {
    test('say of which gateway they are, and no listener, Secret or Service is part of a metric’s name', async () => {
      expect(await rig().status({ path: '/open' })).toBe(200);
      const { series, types } = parseExposition(await rig().scrape());
      const strange = series.filter(({ name, labels }) => {
        // Those of reading the bootstrap are older than what it says.
        return (
          !name.startsWith('envoy_filesystem_') && `${labels['gateway_namespace']}/${labels['gateway']}` !== 'shop/edge'
        );
      });
      expect(strange).toEqual([]);
      expect([...types.keys()].filter((name) => /wild|orders|http_80|443|example/.test(name))).toEqual([]);
      const values = (metric: string, label: string) => {
        const own = series.filter(({ name }) => name === metric).flatMap(({ labels }) => labels[label] ?? []);
        return [...new Set(own)].toSorted();
      };
      expect(values('envoy_listener_ssl_certificate_expiration_unix_time_seconds', 'envoy_certificate')).toEqual([
        'shop.wild',
      ]);
      expect(values('envoy_cluster_upstream_rq_total', 'envoy_cluster_name')).toEqual([
        'jwks/https_keys_example_com',
        'shop/orders/80',
      ]);
      expect(values('envoy_extension_config_discovery_http_filter_update_success', 'envoy_filter_config')).toContain(
        'jwt.http-80',
      );
    });
  },
);
