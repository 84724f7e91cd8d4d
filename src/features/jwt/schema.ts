/** `authenticate.jwt` of an AuthPolicy. */
import { z } from 'zod';
import { exactlyOne } from '../../schema/choice.ts';
import { field, labelName, namedList, objectName, shortText, word } from '../../schema/fields.ts';
import { refusing } from '../../schema/refuse.ts';

const dataKey = shortText(253).regex(/^[-._a-zA-Z0-9]+$/, 'must be a key of a ConfigMap or Secret');

const keyRef = z.strictObject({
  name: field(objectName, 'Name of the object, in the namespace of the policy.', 'corp-keys'),
  key: field(dataKey.optional(), 'Key that holds the JWKS; jwks.json when absent.', 'jwks.json'),
});

/** Some issuers use free text; it only must not hide anything in a log or a status. */
const audience = refusing(shortText(1024), /\p{Cc}/u, 'must not hold control characters');

const inlineText = refusing(
  z.string().min(2).max(65_536, { abort: true }),
  /[^\P{Cc}\t\n\r]/u,
  'must not hold control characters other than tabs and line breaks',
);

const uri = z
  .string()
  .min(8)
  .max(2048, { abort: true })
  .regex(
    /^https?:\/\/([A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(\/[A-Za-z0-9\-._~!$&'()*+,;=:@%/?]*)?$/,
    'must be an http or https URL, without user and fragment',
  );

const jwks = exactlyOne(
  z.strictObject({
    inline: field(inlineText.optional(), 'The JWKS itself (RFC 7517); public keys only.', '{"keys":[…]}'),
    configMapRef: field(keyRef.optional(), 'A ConfigMap that holds the JWKS.', { name: 'corp-keys' }),
    secretRef: field(keyRef.optional(), 'A Secret that holds the JWKS; public keys only.', { name: 'corp-keys' }),
    uri: field(
      uri.optional(),
      'Where the JWKS is fetched from. Loopback and link-local addresses are refused.',
      'https://login.example.com/.well-known/jwks.json',
    ),
  }),
  ['inline', 'configMapRef', 'secretRef', 'uri'],
);

export const jwtSchema = z.strictObject({
  name: field(labelName, 'Name of the issuer within the policy.', 'corp'),
  issuer: field(word(1024), 'The `iss` claim that tokens must carry.', 'https://login.example.com'),
  audiences: field(
    z.array(audience).min(1).max(16).optional(),
    'A token must name one of these in its `aud` claim; every audience when absent.',
    ['orders'],
  ),
  jwks: field(jwks, 'The keys that tokens are verified with.', { configMapRef: { name: 'corp-keys' } }),
});

export const authenticateSchema = z.strictObject({
  jwt: field(
    namedList(jwtSchema, 8),
    'Issuers of JSON Web Tokens (RFC 7519), sent as `Authorization: Bearer`; a caller needs a valid token of one of them.',
    [{ name: 'corp', issuer: 'https://login.example.com', jwks: { configMapRef: { name: 'corp-keys' } } }],
  ),
});

export type JwtSpec = z.infer<typeof jwtSchema>;
