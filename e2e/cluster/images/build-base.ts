/**
 * Stands for the base that Containerfile's build stage names, where no registry is asked: this machine's Node, npm, shell, and
 * what it knows of the libraries' packages. For machines that run Debian; only their programs belong together.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { debianPackages, libraries } from '../../../scripts/image/entries.ts';
import { which } from '../local/requirements.ts';

/** `ldd` is a program of bash; npm's scripts begin with env. */
const programs = ['/usr/bin/env', '/bin/bash', '/usr/bin/ldd', '/usr/bin/dpkg-query'];

/** A folder to build an image of, FROM scratch. */
export async function writeBuildBase(folder: string, node: string): Promise<void> {
  const put = (from: string, to = from) => {
    mkdirSync(dirname(join(folder, to)), { recursive: true });
    cpSync(realpathSync(from), join(folder, to), { recursive: true });
  };
  for (const program of programs) put(program);
  for (const binary of ['/usr/bin/env', '/bin/bash', '/usr/bin/dpkg-query', node]) {
    for (const { path } of await libraries(binary)) put(`/${path}`);
  }
  put(node, '/usr/local/bin/node');
  const license = join(node, '../../LICENSE');
  if (existsSync(license)) put(license, '/usr/local/LICENSE');
  putNpm(folder, put);
  if (existsSync(authorities)) put(authorities);
  await putPackages(folder, put, node);
  mkdirSync(join(folder, 'tmp'), { recursive: true });
  writeFileSync(join(folder, 'Containerfile'), containerfile);
}

const authorities = '/etc/ssl/certs/ca-certificates.crt';
const containerfile = `FROM scratch
COPY . /
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin NODE_EXTRA_CA_CERTS=${authorities}
`;

type Put = (from: string, to?: string) => void;

function putNpm(folder: string, put: Put): void {
  const npm = realpathSync(which('npm') ?? 'npm');
  put(join(npm, '../..'), '/usr/local/lib/node_modules/npm');
  const script = '#!/usr/local/bin/node\nrequire("/usr/local/lib/node_modules/npm/bin/npm-cli.js");\n';
  writeFileSync(join(folder, 'usr/local/bin/npm'), script, { mode: 0o755 });
}

/** The part of dpkg's records that names these packages. */
async function putPackages(folder: string, put: Put, node: string): Promise<void> {
  const records = '/var/lib/dpkg/info';
  put('/etc/debian_version');
  put(join(records, 'format'));
  const statuses: string[] = [];
  for (const { facts, copyright } of await debianPackages(node)) {
    const id = `${facts.name}:${process.arch === 'x64' ? 'amd64' : process.arch}`;
    put(join(records, `${id}.list`));
    put(`/${copyright.path}`);
    statuses.push(execFileSync('dpkg-query', ['--status', id], { encoding: 'utf8' }));
  }
  writeFileSync(join(folder, 'var/lib/dpkg/status'), statuses.join('\n'));
}
