/** Certificates of the local cluster: one authority, and a certificate for each who speaks to the API server. */
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { apiServerService, nodeAddress, nodeName } from './places.ts';

export interface Subject {
  readonly name: string;
  readonly commonName: string;
  readonly organisation?: string;
  /** Of a server's certificate, such as `IP:127.0.0.1`. */
  readonly alternativeNames?: readonly string[];
}

/** PEM texts. */
export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

/** Who speaks to the API server, by the file name of its kubeconfig; RBAC knows them by these names. */
export const clients = [
  { name: 'admin', commonName: 'admin', organisation: 'system:masters' },
  { name: 'kube-controller-manager', commonName: 'system:kube-controller-manager' },
  { name: 'kube-proxy', commonName: 'system:kube-proxy' },
  { name: 'kube-scheduler', commonName: 'system:kube-scheduler' },
  { name: 'kubelet', commonName: `system:node:${nodeName}`, organisation: 'system:nodes' },
] as const satisfies readonly Subject[];

const apiServer: Subject = {
  name: 'kube-apiserver',
  commonName: 'kube-apiserver',
  alternativeNames: [
    ...['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'kubernetes.default.svc.cluster.local'].map(
      (name) => `DNS:${name}`,
    ),
    'DNS:localhost',
    'IP:127.0.0.1',
    `IP:${nodeAddress}`,
    `IP:${apiServerService}`,
  ],
};
const toKubelet: Subject = { name: 'kubelet-client', commonName: 'kube-apiserver', organisation: 'system:masters' };
const days = '3650';
const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** Writes `<name>.crt` and `<name>.key` of all, with `ca` and `service-account`, into the folder. */
export async function writeCertificates(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // What -addext says and nothing else: a machine's own openssl.cnf would add CA:TRUE to all.
  await writeFile(join(folder, 'openssl.cnf'), '[req]\ndistinguished_name = dn\n[dn]\n');
  const authority = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign'];
  await make(folder, { name: 'ca', commonName: 'evengate-test-cluster' }, authority);
  const signed = [...clients, apiServer, toKubelet];
  await Promise.all([
    ...signed.map((subject) => make(folder, subject, extensions(subject), 'ca')),
    make(folder, { name: 'service-account', commonName: 'service-accounts' }, []),
  ]);
}

export async function readCertificate(folder: string, name: string): Promise<Certificate> {
  const read = (extension: string) => readFile(join(folder, `${name}.${extension}`), 'utf8');
  return { certificate: await read('crt'), key: await read('key') };
}

function extensions({ alternativeNames = [] }: Subject): readonly string[] {
  const names = alternativeNames.length > 0 ? [`subjectAltName=${alternativeNames.join(',')}`] : [];
  return [
    'basicConstraints=critical,CA:FALSE',
    'keyUsage=critical,digitalSignature',
    `extendedKeyUsage=${alternativeNames.length > 0 ? 'serverAuth' : 'clientAuth'}`,
    ...names,
  ];
}

async function make(folder: string, subject: Subject, added: readonly string[], issuer?: string): Promise<void> {
  const file = (name: string) => join(folder, name);
  const organisation = subject.organisation === undefined ? '' : `/O=${subject.organisation}`;
  const signed = issuer === undefined ? [] : ['-CA', file(`${issuer}.crt`), '-CAkey', file(`${issuer}.key`)];
  const words = ['req', '-x509', '-config', file('openssl.cnf'), '-days', days, ...curve, ...signed];
  words.push('-subj', `${organisation}/CN=${subject.commonName}`);
  words.push('-keyout', file(`${subject.name}.key`), '-out', file(`${subject.name}.crt`));
  await promisify(execFile)('openssl', [...words, ...added.flatMap((extension) => ['-addext', extension])]);
}
