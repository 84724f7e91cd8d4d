/** Text to objects. Pure: the same text gives the same result, and the previous result only saves work. */
import { admit, join } from './admit.ts';
import { readDocument } from './document.ts';
import { type Locator, locatorOf, type Place, placeOf } from './locate.ts';
import type { InputProblem, ManifestObject, ParsedDocument, ParsedFile, Position, SourceFile } from './source.ts';
import { type DocumentText, splitDocuments } from './split.ts';

export type {
  InputProblem,
  LocatedFinding,
  ManifestObject,
  ParsedFile,
  Position,
  SourceFile,
} from './source.ts';

/** In bytes on disk (read.ts) and characters here: V8 strings and our memory budget both end not far above. */
export const maxFileSize = 64 * 1024 * 1024;

/**
 * Documents whose text is in `previous` are taken from there, objects with their identity. Problems are text that is no
 * object; findings are objects with a wrong type or metadata.
 */
export function parseFile(file: SourceFile, previous?: ParsedFile): ParsedFile {
  if (file.text.length > maxFileSize) return unreadableFile(file.path, tooLarge);
  const text = file.text.startsWith('\uFEFF') ? file.text.slice(1) : file.text;
  const texts = splitDocuments(text);
  const known = knownDocuments(previous);
  const documents = texts.map((document, index) => known(document.text, index) ?? parseDocumentText(document.text));
  const placed = documents.map((document, index) => shift(document, file.path, texts[index]));
  return {
    path: file.path,
    objects: placed.flatMap((document) => document.objects),
    problems: placed.flatMap((document) => document.problems),
    findings: placed.flatMap((document) => document.findings),
    complete: documents.every((document) => document.complete),
    documents,
  };
}

export const tooLarge = {
  message: 'The file is larger than 64 MB',
  remedy: 'Split the file, or leave it out of the folder',
} as const;

/** A file, or a path, of which nothing could be read. */
export function unreadableFile(path: string, why: { readonly message: string; readonly remedy: string }): ParsedFile {
  const problem = { position: { file: path, line: 1, column: 1 }, message: why.message, remedy: why.remedy };
  return { path, objects: [], problems: [problem], findings: [], complete: false, documents: [] };
}

/** Most edits leave most documents where they were, so the same index is tried first. */
function knownDocuments(previous: ParsedFile | undefined): (text: string, index: number) => ParsedDocument | undefined {
  let byText: Map<string, ParsedDocument> | undefined;
  return (text, index) => {
    if (previous === undefined) return undefined;
    const same = previous.documents[index];
    if (same?.text === text) return same;
    byText ??= new Map(previous.documents.map((document) => [document.text, document]));
    return byText.get(text);
  };
}

function parseDocumentText(text: string): ParsedDocument {
  const read = readDocument(text);
  if (!read.ok) {
    const { offset, message, remedy } = read.fault;
    const problem = { position: inFile('', placeOf(text, offset)), message, remedy };
    return { text, objects: [], problems: [problem], findings: [], complete: false };
  }
  const admission = admit(read.value);
  const locate = locatorOf(text);
  const problems = admission.problems.map(({ at, message, remedy }): InputProblem => {
    return { position: inFile('', locate(at)), message, remedy };
  });
  const findings = admission.findings.map(({ finding, prefix }) => {
    return { ...finding, position: inFile('', locate(join(prefix, finding.at))) };
  });
  return { text, objects: admission.objects, problems, findings, complete: admission.complete };
}

type Placed = Pick<ParsedFile, 'problems' | 'findings'> & { readonly objects: readonly ManifestObject[] };

/** A document's own places, moved to where the document stands in its file. */
function shift(document: ParsedDocument, file: string, start: DocumentText | undefined): Placed {
  const line = (start?.line ?? 1) - 1;
  let locator: Locator | undefined;
  const locate = (path: string): Place => {
    locator ??= locatorOf(document.text);
    return locator(path);
  };
  const move = (place: Place): Position => inFile(file, { line: place.line + line, column: place.column });
  return {
    objects: document.objects.map(({ object, prefix }) => {
      return { object, file, locate: (fieldPath) => move(locate(join(prefix, fieldPath))) };
    }),
    problems: document.problems.map((problem) => ({ ...problem, position: move(problem.position) })),
    findings: document.findings.map((finding) => ({ ...finding, position: move(finding.position) })),
  };
}

function inFile(file: string, { line, column }: Place): Position {
  return { file, line, column };
}
