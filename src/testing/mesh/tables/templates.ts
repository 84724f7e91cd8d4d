/** Istio's tables of path templates (pkg/config/security/security_test.go): a name of Istio's, a text, whether it is one. */

export const pathTemplates: readonly (readonly [name: string, template: string, valid: boolean])[] = [
  ['valid path template - matchOneTemplate', '/{*}/foo', true],
  ['valid path template - matchOneTemplate with trailing slash', '/{*}/foo/', true],
  ['valid path template - matchAnyTemplate', '/foo/{**}/bar', true],
  ['valid path template - matchAnyTemplate at end', '/foo/bar/{**}', true],
  ['unsupported path template - matchAnyTemplate with additional chars', '/foo/{**}buzz/bar', false],
  ['unsupported path template - empty curly braces', '/{*}/foo/{}/bar', false],
  ['unsupported path template - matchOneTemplate with `*`', '/foo/{*}/bar/*', false],
  ['unsupported path template - matchOneTemplate with `**`', '/foo/{*}/bar/**/buzz', false],
  ['unsupported path/path template - named var: {buzz}', '/foo/{buzz}/bar', false],
  ['unsupported path/path template - only named var: {buzz}', '/{buzz}', false],
  ['unsupported path template - matchAnyTemplate with named var: {buzz}', '/foo/{buzz}/bar/{**}', false],
  ['unsupported path template - matchAnyTemplate with named var: {buzz=*}', '/foo/{buzz=*}/bar/{**}', false],
  ['unsupported path template - matchAnyTemplate with named var: {buzz=**}', '/{*}/foo/{buzz=**}/bar', false],
  ['unsupported path template - matchAnyTemplate with additional chars at end', '/{*}/foo/{**}bar', false],
  ['unsupported path template - matchOneTemplate with file extension', '/{*}/foo/{*}.txt', false],
  ['unsupported path template - matchOneTemplate with unmatched open curly brace', '/{*}/foo/{temp', false],
  ['unsupported path template - matchOneTemplate with unmatched closed curly brace', '/{*}/foo/temp}/bar', false],
  ['unsupported path template - matchOneTemplate with unmatched closed curly brace and `*`', '/{*}/foo/temp}/*', false],
  [
    'unsupported path template - matchAnyTemplate is not the last operator in the template',
    '/{**}/foo/temp/{*}/bar',
    false,
  ],
  ['unsupported path template - simple multiple matchAnyTemplates', '/{**}/{**}', false],
  ['unsupported path template - multiple matchAnyTemplates', '/{**}/foo/temp/{**}/bar', false],
  ['unsupported path template - invalid literal in path template', '/{*}/foo/?abc', false],
];

/** One segment beside an operator. */
export const literals: readonly (readonly [name: string, segment: string, valid: boolean])[] = [
  ['valid - alphabet chars and nums', '123abcABC', true],
  ['valid - unreserved chars', '._~-', true],
  ['valid - equals', 'a=c', true],
  ['valid - mixed chars', "-._~%20!$&'()+,;:@", true],
  ['invalid - mixed chars', '`~!@#$%^&()-_+;:,<.>\'"\\| ', false],
  // Here it begins an empty segment.
  ['invalid - slash', 'abc//', false],
  ['invalid - star with other chars', 'ab*c', false],
  ['invalid - star', '*', false],
  ['invalid - double star with other chars', 'ab**c', false],
  ['invalid - double star', '**', false],
  ['invalid - question mark', '?abc', false],
  ['invalid - question mark with equals', '?a=c', false],
  ['invalid - left curly brace', '{abc', false],
  ['invalid - right curly brace', 'abc}', false],
  ['invalid - curly brace set', '{abc}', false],
];

export const areTemplates: readonly (readonly [name: string, text: string, template: boolean])[] = [
  ['matchOneOnly', 'foo/bar/{*}', true],
  ['matchAnyOnly', 'foo/{**}/bar', true],
  ['matchAnyAndOne', '{*}/bar/{**}', true],
  ['stringMatch', 'foo/bar/*', false],
  ['namedVariable', 'foo/bar/{buzz}', false],
];
