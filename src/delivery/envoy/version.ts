/** Envoy's version, as `envoy --version` prints it: `…  version: <commit>/1.40.0/Clean/RELEASE/BoringSSL`. */

/** Older ones lack security fixes that the guards rely on, or fields that we write. */
export const oldestVersion = '1.40.0';

export function parseVersion(printed: string): string | undefined {
  return /version:\s*[^/\s]*\/(\d+\.\d+\.\d+[^/\s]*)\//.exec(printed)?.[1];
}

/** Compares `major.minor.patch`; a suffix such as `-dev` precedes the release. */
export function isAtLeast(version: string, oldest: string): boolean {
  const [numbers, suffix] = split(version);
  const [wanted] = split(oldest);
  for (const [index, least] of wanted.entries()) {
    const number = numbers[index] ?? 0;
    if (number !== least) return number > least;
  }
  return suffix === '';
}

function split(version: string): readonly [readonly number[], string] {
  const dash = version.search(/[^\d.]/);
  const numbers = dash < 0 ? version : version.slice(0, dash);
  return [numbers.split('.').map(Number), dash < 0 ? '' : version.slice(dash)];
}
