/** What Istio's proxies make of a path in each mode of MeshConfig (tests/integration/security/normalization_test.go): in, out. */

export type Mode = 'NONE' | 'BASE' | 'MERGE_SLASHES' | 'DECODE_AND_MERGE_SLASHES';
export const modes: readonly Mode[] = ['NONE', 'BASE', 'MERGE_SLASHES', 'DECODE_AND_MERGE_SLASHES'];

export interface PathTable {
  /** As Istio calls it. */
  readonly name: string;
  readonly mode: Mode;
  readonly pairs: readonly (readonly [sent: string, seen: string | 400])[];
}

/** Sent in every mode; what is seen, in the order of `modes`, the last text standing for the modes after it. */
const inEachMode: readonly (readonly [sent: string, ...seen: string[]])[] = [
  ['/', '/'],
  ['/app#foo', '/app'],
  ['/app/', '/app/'],
  ['/app/../admin', '/app/../admin', '/admin'],
  ['/app', '/app'],
  ['/app//', '/app//', '/app//', '/app/'],
  ['/app/%2f', '/app/%2f', '/app/%2f', '/app/%2f', '/app/'],
  ['/app%2f/', '/app%2f/', '/app%2f/', '/app%2f/', '/app/'],
  ['/xyz%30..//abc', '/xyz%30..//abc', '/xyz0..//abc', '/xyz0../abc'],
  ['/app/%2E./admin', '/app/%2E./admin', '/admin'],
  ['/app\\admin', '/app\\admin', '/app/admin'],
  ['/app/\\/\\/\\admin', '/app/\\/\\/\\admin', '/app//////admin', '/app/admin'],
  [
    '/%2Fapp%5cadmin%5Cabc',
    '/%2Fapp%5cadmin%5Cabc',
    '/%2Fapp%5cadmin%5Cabc',
    '/%2Fapp%5cadmin%5Cabc',
    '/app/admin/abc',
  ],
  [
    '/%5Capp%2f%5c%2F%2e%2e%2fadmin%5c\\abc',
    '/%5Capp%2f%5c%2F%2e%2e%2fadmin%5c\\abc',
    '/%5Capp%2f%5c%2F..%2fadmin%5c/abc',
    '/%5Capp%2f%5c%2F..%2fadmin%5c/abc',
    '/app/admin/abc',
  ],
  ['/app//../admin', '/app//../admin', '/app/admin'],
  ['/app//../../admin', '/app//../../admin', '/admin'],
];

const decoded: PathTable['pairs'] = [
  ['/%c0%2e%c0%2e/admin', '/%c0.%c0./admin'],
  ['/%c0%2fadmin', '/%c0/admin'],
];

/** Seen as they are sent. */
const untouched = [
  '/0x2e0x2e/admin',
  '/0x2e0x2e0x2fadmin',
  '/0x2e0x2e0x5cadmin',
  '/0x2f0x2fadmin',
  '/0x5c0x5cadmin',
  '/%25c0%25ae%25c1%259cadmin',
  '/%25c0%25ae%25c0%25ae/admin',
  '/%25c0%25afadmin',
  '/%25c1%259cadmin',
  '/%252e%252e/admin',
  '/%252e%252e%252fadmin',
  '/%c1%9cadmin',
  '/%c0%ae%c0%ae/admin',
  '/%c0%afadmin',
  '/.../admin',
  '/..../admin',
  '/;/admin',
  '/admin;a=b',
  '/admin;a=b/xyz',
  '/admin,a=b/xyz',
  '/Admin',
  '/ADMIN',
];

/** Escapes of every byte but NUL: unreserved characters (RFC 3986 §2.3) and slashes are decoded, no others. */
const percentEncoded: PathTable['pairs'] = Array.from({ length: 255 }, (_, index) => {
  const escaped = `%${(index + 1).toString(16).padStart(2, '0')}`;
  const character = String.fromCharCode(index + 1);
  const kept = /[A-Za-z0-9\-._~/\\]/.test(character) ? character.replace('\\', '/') : escaped;
  return [`/admin${escaped}`, `/admin${kept}`] as const;
});

function inMode(mode: Mode): PathTable['pairs'] {
  return inEachMode.map(([sent, ...seen]) => [sent, seen[modes.indexOf(mode)] ?? seen.at(-1) ?? sent] as const);
}

export const pathTables: readonly PathTable[] = [
  { name: 'None', mode: 'NONE', pairs: inMode('NONE') },
  { name: 'Base', mode: 'BASE', pairs: inMode('BASE') },
  { name: 'MergeSlashes', mode: 'MERGE_SLASHES', pairs: inMode('MERGE_SLASHES') },
  {
    name: 'DecodeAndMergeSlashes',
    mode: 'DECODE_AND_MERGE_SLASHES',
    pairs: [...inMode('DECODE_AND_MERGE_SLASHES'), ...decoded],
  },
  {
    name: 'NotNormalized',
    mode: 'DECODE_AND_MERGE_SLASHES',
    pairs: [...untouched.map((path) => [path, path] as const), ['/..;/admin', '/admin']],
  },
  { name: 'PercentEncoded', mode: 'DECODE_AND_MERGE_SLASHES', pairs: percentEncoded },
  { name: 'Invalid', mode: 'DECODE_AND_MERGE_SLASHES', pairs: [['/admin%00', 400]] },
];
