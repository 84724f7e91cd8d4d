/** `authorize` of an AuthPolicy: Istio's from / to / when. */
import { z } from 'zod';
import { atLeastOne, exactlyOne } from '../../schema/choice.ts';
import {
  cidr,
  claimName,
  field,
  headerName,
  labelName,
  labelPattern,
  shortText,
  unnormalised,
} from '../../schema/fields.ts';
import { refusing } from '../../schema/refuse.ts';

/** Not `*a*` either: it would be read as the suffix `a*`, and a deny of it would never fire. */
const text = shortText(1024).regex(
  /^(\*|\*?[\x20-\x29\x2b-\x7e]+|[\x20-\x29\x2b-\x7e]+\*)$/,
  'must be printable ASCII, with one * at most, at its beginning or end',
);

const pathText = refusing(
  refusing(
    shortText(1024).regex(
      /^(\*|\*?[\x20-\x29\x2b-\x7e]+|[\x20-\x29\x2b-\x7e]+\*|([\x20-\x29\x2b-\x7e]|\{\*{1,2}\})+)$/,
      'must be printable ASCII, with one * at most, at its beginning or end, or templates such as /a/{*}/b',
    ),
    /[?#]/,
    'must be a path without query and fragment: only the path is compared',
  ),
  unnormalised,
  'must be a normalised path: no "//", "/./", "/../", "%2f", "%5c" or escapes of letters, digits and "-._~", because requests are normalised before they are compared',
);

const objectPattern = `${labelPattern}(\\.${labelPattern})*`;

const serviceAccount = shortText(317).regex(
  new RegExp(`^(${labelPattern}/)?${objectPattern}$`),
  'must be namespace/name of a service account, or the name of one in the namespace of the policy: wildcards are for principals',
);

const namespace = shortText(63).regex(
  new RegExp(`^${labelPattern}$`),
  'must be the name of a namespace, without wildcards',
);

/** As SPIFFE has it, but for the scheme. */
const identity = refusing(
  refusing(
    shortText(1024).regex(
      new RegExp(
        `^([\\x21-\\x7e]*\\*[\\x21-\\x7e]*|spiffe:[\\x21-\\x7e]*|[a-z0-9._-]+/ns/${labelPattern}/sa/${objectPattern})$`,
      ),
      'must be an identity such as cluster.local/ns/billing/sa/batch, or the beginning or end of one with a *',
    ),
    /^spiffe:/,
    'must be an identity without "spiffe://": the trust domain comes first',
  ),
  /.\*.|^\*.*\*$/,
  'must be an identity with one * at most, at its beginning or end: the proxies of a mesh do not agree on what one inside it means',
);

/** A list of patterns: `a`, `a*`, `*a` or `*`. */
const patterns = z.array(text).min(1).max(32).optional();
const pathPatterns = z.array(pathText).min(1).max(32).optional();
const blocks = z.array(cidr).min(1).max(64).optional();
const identities = z.array(identity).min(1).max(32).optional();
const serviceAccounts = z.array(serviceAccount).min(1).max(32).optional();
const namespaces = z.array(namespace).min(1).max(32).optional();

/** An empty entry would match everything by accident (Istio refuses it, too). */
function notEmpty<T extends z.ZodRawShape>(shape: T): z.ZodObject<T, z.core.$strict> {
  return atLeastOne(z.strictObject(shape), Object.keys(shape));
}

const wildcards = '`a` is exact, `a*` a prefix, `*a` a suffix, `*` any value.';

export const sourceSchema = notEmpty({
  requestPrincipals: field(patterns, `Issuer and subject of the verified token, as \`iss/sub\`. ${wildcards}`, [
    'https://login.example.com/*',
  ]),
  notRequestPrincipals: field(patterns, 'None of these `iss/sub`.', ['https://login.example.com/mallory']),
  ipBlocks: field(
    blocks,
    'Addresses or CIDR blocks of the TCP peer, which is the last proxy in front if there is one.',
    ['10.0.0.0/8'],
  ),
  notIpBlocks: field(blocks, 'No address of the TCP peer in these.', ['10.9.0.0/16']),
  remoteIpBlocks: field(
    blocks,
    'Addresses or CIDR blocks of the client, behind the trusted proxies of the ApiGateway (clientIP).',
    ['203.0.113.0/24'],
  ),
  notRemoteIpBlocks: field(blocks, 'No address of the client in these.', ['203.0.113.7']),
  serviceAccounts: field(
    serviceAccounts,
    'Service accounts of callers inside the mesh, as `namespace/name`; a name alone is of the namespace of the policy. Exact, no wildcards. Whoever comes through a gateway has none.',
    ['billing/batch'],
  ),
  notServiceAccounts: field(serviceAccounts, 'None of these service accounts.', ['billing/legacy']),
  namespaces: field(
    namespaces,
    'Namespaces of callers inside the mesh. Exact names: no wildcards, not inside a name either.',
    ['billing'],
  ),
  notNamespaces: field(namespaces, 'No caller from these namespaces.', ['sandbox']),
  principals: field(
    identities,
    'Identities of callers inside the mesh, as `trust-domain/ns/NAMESPACE/sa/SERVICEACCOUNT`, without `spiffe://`. `a` is exact, `a*` a prefix, `*a` a suffix, `*` any; no * inside.',
    ['cluster.local/ns/billing/sa/batch'],
  ),
  notPrincipals: field(identities, 'None of these identities.', ['cluster.local/ns/sandbox/*']),
  clientCertificates: field(
    patterns,
    `Subject alternative names (URI or DNS) of the certificate that the client showed at the gateway (tls.clientValidation of its listener). ${wildcards}`,
    ['spiffe://partner.example.com/*'],
  ),
  notClientCertificates: field(patterns, 'No certificate with one of these names.', [
    'spiffe://partner.example.com/old',
  ]),
});

export const operationSchema = notEmpty({
  methods: field(patterns, `HTTP methods, upper-case. ${wildcards}`, ['GET']),
  notMethods: field(patterns, 'None of these methods.', ['DELETE']),
  paths: field(
    pathPatterns,
    `Paths, normalised, without query; escapes such as %3A or %c3 stay as they were sent. ${wildcards} Or a template: \`{*}\` is one segment, a last \`{**}\` any number.`,
    ['/orders/{*}/items'],
  ),
  notPaths: field(pathPatterns, 'None of these paths.', ['/orders/internal*']),
  hosts: field(patterns, `Hosts, with any port; case is ignored. ${wildcards}`, ['api.shop.example.com']),
  notHosts: field(patterns, 'None of these hosts.', ['admin.shop.example.com']),
});

const condition = atLeastOne(
  exactlyOne(
    z.strictObject({
      claim: field(
        claimName.optional(),
        'A claim of the verified token: its name, or a JSON Pointer (RFC 6901) such as /realm_access/roles. A string matches as it is, `scope` and `permission` word by word, a list by any of its strings. Numbers, booleans and objects match nothing, so deny none by them: allow what may pass.',
        'scope',
      ),
      header: field(
        headerName.optional(),
        'Name of a request header; case is ignored. A request without it has no value; one that has it twice matches by either line, except for standard ones such as User-Agent and Accept, whose lines are one text.',
        'x-tenant',
      ),
      values: field(patterns, `One of these. ${wildcards}`, ['orders.read']),
      notValues: field(patterns, 'None of these.', ['orders.suspended']),
    }),
    ['claim', 'header'],
  ),
  ['values', 'notValues'],
);

const rule = z.strictObject({
  name: field(labelName.optional(), 'Name of the rule, for status, logs and `explain`.', 'readers'),
  from: field(z.array(sourceSchema).min(1).max(16).optional(), 'Who: any entry may match; everyone when absent.', [
    { requestPrincipals: ['https://login.example.com/*'] },
  ]),
  to: field(z.array(operationSchema).min(1).max(16).optional(), 'What: any entry may match; everything when absent.', [
    { methods: ['GET'] },
  ]),
  when: field(z.array(condition).min(1).max(16).optional(), 'Conditions that must all hold.', [
    { claim: 'scope', values: ['orders.read'] },
  ]),
});

export const authorizeSchema = z.strictObject({
  allow: field(
    z.array(rule).max(64).optional(),
    'A request needs one of these. An empty list admits nobody; a rule with only a name admits everyone.',
    [{ name: 'readers', to: [{ methods: ['GET'] }] }],
  ),
  deny: field(
    z.array(rule).min(1).max(64).optional(),
    'A request that any of these matches is refused, whatever allows it.',
    [{ name: 'blocked', from: [{ remoteIpBlocks: ['203.0.113.0/24'] }] }],
  ),
});

export type RuleSpec = z.infer<typeof rule>;
export type SourceSpec = z.infer<typeof sourceSchema>;
export type OperationSpec = z.infer<typeof operationSchema>;
export type ConditionSpec = z.infer<typeof condition>;
