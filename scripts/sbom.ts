/** Bills of materials in SPDX 2.3 (https://spdx.github.io/spdx-spec/v2.3/), of the bundle and of the image around it. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import process from 'node:process';
import type { BundledPackage } from './lib/packages.ts';

export interface SpdxPackage {
  readonly SPDXID: string;
  readonly name: string;
  readonly versionInfo: string;
  readonly primaryPackagePurpose: 'APPLICATION' | 'CONTAINER' | 'LIBRARY';
  readonly downloadLocation: 'NOASSERTION';
  readonly filesAnalyzed: false;
  readonly homepage?: string;
  readonly licenseConcluded: string;
  readonly licenseDeclared: string;
  readonly copyrightText: string;
  readonly checksums?: readonly { readonly algorithm: 'SHA512'; readonly checksumValue: string }[];
  readonly externalRefs?: readonly {
    readonly referenceCategory: 'PACKAGE-MANAGER';
    readonly referenceType: 'purl';
    readonly referenceLocator: string;
  }[];
}

export interface SpdxDocument {
  readonly spdxVersion: 'SPDX-2.3';
  readonly dataLicense: 'CC0-1.0';
  readonly SPDXID: 'SPDXRef-DOCUMENT';
  readonly name: string;
  readonly documentNamespace: string;
  readonly creationInfo: { readonly created: string; readonly creators: readonly string[] };
  readonly packages: readonly SpdxPackage[];
  readonly relationships: readonly {
    readonly spdxElementId: string;
    readonly relatedSpdxElement: string;
    readonly relationshipType: 'DESCRIBES' | 'CONTAINS';
  }[];
}

/** A program or library of the image that came by no npm. */
export interface OtherPackage {
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly license?: string;
}

/** What `npm run build` writes; the first package is Evengate itself, which contains the others. */
export function bundleSbom(version: string, packages: readonly BundledPackage[], created: string): SpdxDocument {
  const evengate = packageOf({
    name: 'evengate',
    version,
    purl: `pkg:npm/evengate@${version}`,
    license: 'Apache-2.0',
    purpose: 'APPLICATION',
  });
  return documentOf(`evengate-${version}`, [evengate, ...packages.map(npmPackage)], created);
}

/** The image contains Evengate, with all that is in it, and the others. */
export function imageSbom(bundle: SpdxDocument, others: readonly OtherPackage[]): SpdxDocument {
  const version = bundle.packages[0]?.versionInfo ?? '';
  // An image is named by its digest, which nothing inside it can know.
  const image = packageOf({ name: 'evengate-image', version, license: 'NOASSERTION', purpose: 'CONTAINER' });
  const added = others.map((other) => packageOf({ license: 'NOASSERTION', ...other, purpose: 'LIBRARY' }));
  const packages = [image, ...bundle.packages, ...added];
  const document = documentOf(`evengate-image-${version}`, packages, bundle.creationInfo.created);
  return {
    ...document,
    relationships: [
      relation(document.SPDXID, 'DESCRIBES', image),
      ...[bundle.packages[0], ...added]
        .flatMap((one) => one ?? [])
        .map((one) => relation(image.SPDXID, 'CONTAINS', one)),
      ...bundle.relationships.filter(({ relationshipType }) => relationshipType === 'CONTAINS'),
    ],
  };
}

/** When the sources were made, not when this ran, so that equal sources give equal bytes: SOURCE_DATE_EPOCH, or the commit's. */
export function creationTime(root: string): string {
  const given = process.env['SOURCE_DATE_EPOCH'] ?? commitTime(root);
  const seconds = Number(given);
  if (!Number.isSafeInteger(seconds)) throw new Error(`SOURCE_DATE_EPOCH is "${given}"; give seconds since 1970`);
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`;
}

function commitTime(root: string): string {
  try {
    const words = ['log', '-1', '--format=%ct'];
    return execFileSync('git', words, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return '0'; // no git, or sources without their history
  }
}

function documentOf(name: string, packages: readonly SpdxPackage[], created: string): SpdxDocument {
  const [first, ...rest] = packages;
  if (first === undefined) throw new Error(`${name} describes nothing`);
  const hash = createHash('sha256')
    .update(JSON.stringify([created, packages]))
    .digest('hex')
    .slice(0, 32);
  return {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name,
    documentNamespace: `https://evengate.dev/spdx/${name}-${hash}`,
    creationInfo: { created, creators: ['Organization: Evengate', `Tool: evengate-build-${first.versionInfo}`] },
    packages,
    relationships: [
      relation('SPDXRef-DOCUMENT', 'DESCRIBES', first),
      ...rest.map((one) => relation(first.SPDXID, 'CONTAINS', one)),
    ],
  };
}

function relation<T extends string>(from: string, relationshipType: T, { SPDXID }: SpdxPackage) {
  return { spdxElementId: from, relatedSpdxElement: SPDXID, relationshipType };
}

interface Facts {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly purpose: SpdxPackage['primaryPackagePurpose'];
  readonly purl?: string;
  readonly homepage?: string | undefined;
  readonly sha512?: string | undefined;
  readonly copyright?: string | undefined;
}

function packageOf({ name, version, license, purpose, purl, homepage, sha512, copyright }: Facts): SpdxPackage {
  return {
    SPDXID: `SPDXRef-Package-${`${name}-${version}`.replaceAll(/[^a-zA-Z0-9.-]+/g, '-')}`,
    name,
    versionInfo: version,
    primaryPackagePurpose: purpose,
    downloadLocation: 'NOASSERTION',
    filesAnalyzed: false,
    ...(homepage === undefined ? {} : { homepage }),
    licenseConcluded: license,
    licenseDeclared: license,
    copyrightText: copyright ?? 'NOASSERTION',
    ...(sha512 === undefined ? {} : { checksums: [{ algorithm: 'SHA512', checksumValue: sha512 }] }),
    ...(purl === undefined
      ? {}
      : { externalRefs: [{ referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: purl }] }),
  };
}

function npmPackage(one: BundledPackage): SpdxPackage {
  return packageOf({
    ...one,
    purpose: 'LIBRARY',
    purl: `pkg:npm/${one.name.replace('@', '%40')}@${one.version}`,
    copyright: copyrightOf(one.licenseText),
  });
}

/** The lines that name who has it; of a licence's own text none begins so. */
function copyrightOf(text: string): string | undefined {
  const lines = text.match(/^[ \t]*(?:copyright[ \t]+)+(?:\(c\)|©|\d{4}).*$/gim) ?? [];
  return lines.length === 0 ? undefined : [...new Set(lines.map((line) => line.trim()))].join('\n');
}
