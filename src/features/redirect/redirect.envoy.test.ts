import { expect, test } from '@jest/globals';
import { rigSuite } from '../../testing/rig.ts';
import { testCertificate, tlsSecret } from '../../testing/rig-certificates.ts';
import { apiGateway, route, service, under } from '../../testing/rig-manifests.ts';

const listeners = [
  { name: 'web', port: 80, protocol: 'HTTP' },
  { name: 'alt', port: 8080, protocol: 'HTTP' },
  { name: 'https', port: 443, protocol: 'HTTPS', tls: { certificateRefs: [{ name: 'cert' }] } },
];
const redirects = (path: string, redirect: object) => ({ ...under(path), redirect });

const manifests = () => [
  // Deny: a rule that only redirects needs no cover.
  apiGateway({ defaultAccess: 'Deny', listeners }),
  tlsSecret('cert', testCertificate('shop.example.com')),
  service('orders'),
  route('all', [
    redirects('/secure', { scheme: 'https', statusCode: 301 }),
    redirects('/plain', { scheme: 'http' }),
    redirects('/host', { hostname: 'new.example.com' }),
    redirects('/port', { port: 8443, statusCode: 308 }),
    redirects('/full', { path: { type: 'ReplaceFullPath', value: '/new' }, statusCode: 303 }),
    redirects('/prefix', { path: { type: 'ReplacePrefixMatch', value: '/new' }, statusCode: 307 }),
    redirects('/root', { path: { type: 'ReplacePrefixMatch', value: '/' } }),
    redirects('/all', {
      scheme: 'https',
      hostname: 'n.example.com',
      port: 9443,
      path: { type: 'ReplaceFullPath', value: '/x' },
    }),
  ]),
];

await rigSuite('redirect, with traffic', manifests, (rig) => {
  const shop = 'shop.example.com';
  test.each<[port: number, host: string, path: string, answer: string]>([
    [80, shop, '/secure/a?b=c', '301 https://shop.example.com/secure/a?b=c'],
    [80, `${shop}:80`, '/secure', '301 https://shop.example.com:443/secure'],
    [8080, shop, '/secure', '301 https://shop.example.com/secure'],
    [443, shop, '/plain/x', '302 http://shop.example.com/plain/x'],
    [80, shop, '/host/x?y', '302 http://new.example.com/host/x?y'],
    [8080, shop, '/host', '302 http://new.example.com:8080/host'],
    [443, shop, '/host', '302 https://new.example.com/host'],
    [80, `${shop}:12345`, '/host', '302 http://new.example.com/host'],
    [80, shop, '/port', '308 http://shop.example.com:8443/port'],
    [80, `${shop}:12345`, '/port', '308 http://shop.example.com:8443/port'],
    [80, shop, '/full/a/b?c=d', '303 http://shop.example.com/new?c=d'],
    [80, shop, '/prefix/a?b', '307 http://shop.example.com/new/a?b'],
    [80, shop, '/prefix', '307 http://shop.example.com/new'],
    [80, shop, '/root/a?b', '302 http://shop.example.com/a?b'],
    [80, shop, '/root', '302 http://shop.example.com/'],
    [80, shop, '/all/a?b', '302 https://n.example.com:9443/x?b'],
    // The listener's own port, not the one at which this machine happens to serve it.
    [8080, `${shop}:12345`, '/full', '303 http://shop.example.com:8080/new'],
    [443, `${shop}:12345`, '/full', '303 https://shop.example.com:443/new'],
  ])('at port %d, http://%s%s is answered %s', async (port, host, path, expected) => {
    const { status, header } = await rig().send({ port, host, path });
    expect(`${status} ${header('location')}`).toBe(expected);
  });
});
