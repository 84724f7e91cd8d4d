/** From what is asked to what a request may hold: the dimensions of a space. */

import { type Atom, type AttributeName, about, classesOf } from './atoms.ts';
import type { TokenIssuer } from './issuers.ts';
import { type Choice, type Space, somewhere } from './space.ts';

export interface ChoiceContext {
  readonly issuers: readonly TokenIssuer[];
  /** Nobody's X-Forwarded-For counts: the client is the TCP peer. */
  readonly oneAddress: boolean;
  /** Where callers have identities: who they may be. */
  readonly callers?: readonly (string | undefined)[];
}

/** One space a kind of token: claims matter only of one that is good. */
export function spacesOf(atoms: readonly Atom[], context: ChoiceContext): readonly Space[] {
  const names = [...new Set(atoms.map(({ attribute }) => attribute))].toSorted();
  const plain = names.flatMap((name) => dimensionOf(name, atoms));
  const addresses = addressDimensions(atoms, context.oneAddress);
  const callers = context.callers === undefined ? [] : [context.callers.map(asCaller)];
  const base = [...callers, ...plain, ...addresses];
  const claims = names.flatMap((name) => claimDimension(name, atoms));
  const good = context.issuers.map((issuer) => [[tokenOf(issuer, false)], ...base, ...claims]);
  const others: readonly Choice[] = [
    () => undefined,
    ...context.issuers.slice(0, 1).map((issuer) => tokenOf(issuer, true)),
    tokenOf({ issuer: 'https://unknown.invalid', jwks: undefined }, false),
  ];
  return [[others, ...base], ...good];
}

function asCaller(principal: string | undefined): Choice {
  return (draft) => {
    draft.principal = principal;
  };
}

function tokenOf({ issuer, jwks }: TokenIssuer, bad: boolean): Choice {
  return (draft) => {
    draft.token = { issuer, jwks, bad, claims: {} };
  };
}

/** What Envoy writes itself, whatever the client says. */
const owned = /^(x-forwarded-(for|proto|host)|x-request-id|x-envoy-.*|authorization|connection|te|transfer-encoding)$/;
/** Envoy joins several lines of these into one. */
const single =
  /^(accept.*|access-control-.*|cache-control|content-type|origin|referer|user-agent|via|pragma|expect|if-.*)$/;

export function dimensionOf(name: AttributeName, atoms: readonly Atom[], paired = mostPaired): Space {
  const of = name.slice(name.indexOf(':') + 1);
  if (name.startsWith('header:') && !owned.test(of)) {
    const values = classesOf(about(name, atoms), { usual: ['none'], isPossible: isFieldValue });
    const lists = single.test(of) ? values.map((value) => [value]) : listsOf(values, paired);
    return [
      [
        () => undefined,
        ...lists.map(
          (lines): Choice =>
            (draft) => {
              draft.headers.set(of, lines);
            },
        ),
      ],
    ];
  }
  if (name === 'certificate') return certificateDimension(atoms);
  if (!name.startsWith('query:')) return [];
  const values = classesOf(about(name, atoms), { usual: ['none'], isPossible: (value) => /^[\w./~-]*$/.test(value) });
  return [
    [
      () => undefined,
      ...values.map(
        (value): Choice =>
          (draft) =>
            void draft.query.push(`${of}=${value}`),
      ),
    ],
  ];
}

function certificateDimension(atoms: readonly Atom[]): Space {
  const isPossible = (value: string) => /^[!-~]+$/.test(value);
  const subjects = classesOf(about('certificate', atoms), { usual: ['none.test'], isPossible });
  const choices = listsOf(subjects).map(
    (list): Choice =>
      (draft) => {
        draft.certificate = list;
      },
  );
  return [[() => undefined, ...choices]];
}

function isFieldValue(value: string): boolean {
  return /^([!-~]([ -~]*[!-~])?)?$/.test(value);
}

const mostPaired = 4;

/** Each alone, and where they are few two together: a deny may meet the second of them. */
function listsOf(values: readonly string[], paired = mostPaired): readonly (readonly string[])[] {
  const alone = values.map((value) => [value]);
  if (values.length > paired) return alone;
  return [...alone, ...values.flatMap((one, index) => values.slice(index + 1).map((other) => [one, other]))];
}

function claimDimension(name: AttributeName, atoms: readonly Atom[]): Space {
  if (!name.startsWith('claim:')) return [];
  const path = JSON.parse(name.slice('claim:'.length)) as readonly string[];
  // The token says it: one that says another is not believed.
  if (path.length === 1 && path[0] === 'iss') return [];
  const words = path.length === 1 && (path[0] === 'scope' || path[0] === 'permission');
  const values = classesOf(about(name, atoms), {
    usual: ['none'],
    isPossible: (value) => !words || !/ |^$/.test(value),
  });
  const written = listsOf(values).map((list) => (words ? list.join(' ') : list.length === 1 ? list[0] : list));
  return [[() => undefined, ...written.map((value) => setClaim(path, value))]];
}

function setClaim(path: readonly string[], value: unknown): Choice {
  return ({ token }) => {
    let at: Record<string, unknown> | undefined = token?.claims;
    for (const name of path.slice(0, -1)) {
      if (at === undefined) return;
      const inner: Record<string, unknown> = isObject(at[name]) ? at[name] : {};
      at[name] = inner;
      at = inner;
    }
    if (at !== undefined) at[path.at(-1) ?? ''] = value;
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function addressDimensions(atoms: readonly Atom[], oneAddress: boolean): Space {
  const direct = about('direct', atoms);
  const remote = about('remote', atoms);
  const choices = (list: readonly Atom[], set: (value: string) => Choice) =>
    list.length === 0
      ? []
      : [classesOf(list, { usual: [somewhere], isPossible: (value) => isAddress.test(value) }).map(set)];
  if (oneAddress) {
    return choices([...direct, ...remote], (value) => (draft) => {
      draft.direct = value;
      draft.remote = value;
    });
  }
  const asPeer =
    (value: string): Choice =>
    (draft) => {
      draft.direct = value;
    };
  const asClient =
    (value: string): Choice =>
    (draft) => {
      draft.remote = value;
    };
  return [...choices(direct, asPeer), ...choices(remote, asClient)];
}

const isAddress = /^[\d.]+$|^[\da-f:]+$/i;
