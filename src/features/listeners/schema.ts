/** `listeners` of an ApiGateway: Gateway API Listener. */
import { z } from 'zod';
import { onlyWith } from '../../schema/choice.ts';
import { field, hostname, labelName, labelSelector, objectName, portNumber } from '../../schema/fields.ts';

const certificateRef = z.strictObject({
  name: field(objectName, 'Name of a Secret of type kubernetes.io/tls.', 'shop-tls'),
  namespace: field(
    labelName.optional(),
    'Namespace of the Secret; the ApiGateway’s own when absent. Another one needs a ReferenceGrant there.',
    'certs',
  ),
});

const caCertificateRef = z.strictObject({
  name: field(objectName, 'Name of a ConfigMap with a PEM bundle of certificate authorities under ca.crt.', 'partners'),
  kind: field(z.literal('ConfigMap').optional(), 'ConfigMap, and nothing else yet.', 'ConfigMap'),
  namespace: field(
    labelName.optional(),
    'Namespace of the ConfigMap; the ApiGateway’s own when absent. Another one needs a ReferenceGrant there.',
    'certs',
  ),
});

const clientValidation = z.strictObject({
  caCertificateRefs: field(z.array(caCertificateRef).min(1).max(8), 'Authorities whose certificates are believed.', [
    { name: 'partners' },
  ]),
  mode: field(
    z.enum(['Require', 'Optional']).optional(),
    'Require (the default) refuses the handshake of who shows no certificate; Optional lets policies decide. One that does not verify is always refused, and so is one with more than one URI among its names, or with an identity of the gateway’s own mesh.',
    'Optional',
  ),
});

const tls = z.strictObject({
  certificateRefs: field(
    z.array(certificateRef).min(1).max(16),
    'Certificates to choose from by SNI. TLS 1.2 and newer, HTTP/2 by ALPN.',
    [{ name: 'shop-tls' }],
  ),
  clientValidation: field(clientValidation.optional(), 'Asks clients for certificates (mTLS).', {
    caCertificateRefs: [{ name: 'partners' }],
    mode: 'Require',
  }),
});

const routeNamespaces = onlyWith(
  z.strictObject({
    from: field(
      z.enum(['Same', 'All', 'Selector']).optional(),
      'Same (the default), All, or those that `selector` matches.',
      'Selector',
    ),
    selector: labelSelector.optional().meta({
      description:
        'Labels of admitted namespaces. Only kubernetes.io/metadata.name cannot be set by who owns the namespace.',
      examples: [{ matchLabels: { team: 'shop' } }],
    }),
  }),
  'selector',
  ['from', 'Selector'],
);

const allowedRoutes = z.strictObject({
  namespaces: field(routeNamespaces.optional(), 'Namespaces whose Routes may attach.', { from: 'Same' }),
});

export const listenerSchema = onlyWith(
  z.strictObject({
    name: field(labelName, 'Name of the listener: parentRefs and targetRefs use it as sectionName.', 'https'),
    port: field(portNumber, 'Port that clients connect to; not 19001 to 19003, which are ours in every Pod.', 443),
    protocol: field(z.enum(['HTTP', 'HTTPS']), 'HTTP, or HTTPS, which terminates TLS.', 'HTTPS'),
    hostname: field(
      hostname.optional(),
      'Hosts that the listener owns: exact, or `*.` for one or more labels before a suffix (`*.shop.example.com` is not shop.example.com); every host when absent.',
      '*.shop.example.com',
    ),
    tls: field(tls.optional(), 'Certificates of an HTTPS listener.', { certificateRefs: [{ name: 'shop-tls' }] }),
    allowedRoutes: field(allowedRoutes.optional(), 'Routes that may attach; those of the same namespace when absent.', {
      namespaces: { from: 'Same' },
    }),
  }),
  'tls',
  ['protocol', 'HTTPS'],
);

export type ListenerSpec = z.infer<typeof listenerSchema>;
