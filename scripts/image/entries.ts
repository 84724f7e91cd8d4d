/** What a container image holds, as a list of paths, and what any program in one needs around it. */
import { execFile } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import process from 'node:process';
import { promisify } from 'node:util';
import type { OtherPackage } from '../sbom.ts';

/** What is at a path of the image, which has no leading slash. Folders above it come by themselves. */
export interface Entry {
  readonly path: string;
  readonly content: { readonly file: string } | { readonly text: string } | { readonly folder: true };
  /** Default 0755 for folders and files, 0644 for texts. */
  readonly mode?: number;
}

/** The id that distroless images call nonroot. */
export const user = 65_532;
export const nonroot = `${user}:${user}`;

export const environment = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' } as const;

/** Users, and a /tmp of its own. */
export function surroundings(): readonly Entry[] {
  const text = (path: string, lines: readonly string[]): Entry => ({
    path,
    content: { text: `${lines.join('\n')}\n` },
  });
  return [
    text('etc/passwd', ['root:x:0:0:root:/root:/sbin/nologin', `nonroot:x:${user}:${user}:nonroot:/tmp:/sbin/nologin`]),
    text('etc/group', ['root:x:0:', `nonroot:x:${user}:`]),
    text('etc/nsswitch.conf', ['hosts: files dns']),
    { path: 'tmp', content: { folder: true }, mode: 0o1777 },
  ];
}

/** What a dynamically linked program loads, where it looks for it. */
export async function libraries(binary: string): Promise<readonly Entry[]> {
  const paths = await linked(binary);
  return paths.map((path) => ({ path: path.slice(1), content: { file: path } }));
}

/** As ldd(1) prints them: `NAME => /PATH (ADDRESS)`, or `/PATH (ADDRESS)` for the loader itself. */
async function linked(binary: string): Promise<readonly string[]> {
  const { stdout } = await promisify(execFile)('ldd', [binary], { env: { ...process.env, LC_ALL: 'C' } });
  const missing = /^\s*(\S+) => not found$/m.exec(stdout)?.[1];
  if (missing !== undefined) throw new Error(`${binary} needs ${missing}, which this machine does not have`);
  return [...stdout.matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm)].map(([, path = '']) => path);
}

export interface DebianPackage {
  readonly facts: OtherPackage;
  readonly copyright: Entry;
}

/** The packages of Debian that those libraries are of, with the texts of their licences; none on other systems. */
export async function debianPackages(binary: string): Promise<readonly DebianPackage[]> {
  if (!existsSync('/etc/debian_version')) return [];
  const dpkg = async (...words: readonly string[]) => (await promisify(execFile)('dpkg-query', words)).stdout;
  const names = new Set<string>();
  for (const path of await linked(binary)) {
    // Where /lib is a link to /usr/lib, dpkg knows a file by one of the two names only.
    const found = await Promise.any(
      [path, `/usr${path}`, path.replace(/^\/usr/, ''), realpathSync(path)].map((one) => dpkg('--search', one)),
    );
    names.add(found.slice(0, found.indexOf(': ')));
  }
  return Promise.all(
    [...names].toSorted().map(async (id) => {
      const fields = await dpkg('--show', `--showformat=\${Package} \${Version} \${Architecture}`, id);
      const [name = '', version = '', architecture = ''] = fields.split(' ');
      const purl = `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${architecture}`;
      const copyright = `usr/share/doc/${name}/copyright`;
      return {
        facts: { name, version, purl },
        copyright: { path: copyright, content: { file: realpathSync(`/${copyright}`) }, mode: 0o644 },
      };
    }),
  );
}
