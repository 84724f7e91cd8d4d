/** Headers that are never logged: what opens doors, and URLs, whose queries do. */

/** Parts of names that credentials have; rather one header too many than a token in a log. */
const credential =
  /authori[sz]ation|authenticat|cookie|token|secret|passw|credential|api-?key|access-?key|private-?key|jwt|session|signature|assertion|otp|csrf|xsrf|client-cert|^x-amz-security/i;

const urls: readonly string[] = [
  'referer',
  'location',
  'content-location',
  'refresh',
  'link',
  'x-envoy-original-path',
  'x-forwarded-uri',
  'x-original-uri',
  'x-original-url',
  'x-rewrite-url',
];

/** Why a header must not be told, or undefined. */
export function unspeakable(header: string): { readonly message: string; readonly remedy: string } | undefined {
  if (credential.test(header)) {
    const message = `${header} holds credentials, so it is left out`;
    return { message, remedy: 'Name a header whose value everybody who reads logs and traces may know' };
  }
  if (!urls.includes(header.toLowerCase())) return undefined;
  const message = `${header} holds a URL, whose query may be a secret, so it is left out`;
  return { message, remedy: 'Let the backend send what you need of it in a header of its own' };
}
