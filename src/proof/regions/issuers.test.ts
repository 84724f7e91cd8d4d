import { expect, test } from '@jest/globals';
import { tokenIssuers } from './issuers.ts';

const set = (...keys: readonly string[]) => JSON.stringify({ keys: keys.map((kid) => ({ kty: 'OKP', kid })) });
const corp = (keys: string) => ({ issuer: 'corp', keys });

test('an issuer with one set of keys needs no choice of it', () => {
  expect(tokenIssuers([corp(set('a')), corp(set('a')), { issuer: 'other', keys: set('a') }])).toEqual([
    { issuer: 'corp', jwks: undefined },
    { issuer: 'other', jwks: undefined },
  ]);
});

test('one that has several is tried with each key that they do not share alike', () => {
  const [one, two] = [set('a', 'b'), set('b', 'c')];
  expect(tokenIssuers([corp(one), corp(two), corp('https://corp/jwks')])).toEqual([
    { issuer: 'corp', jwks: [one] },
    { issuer: 'corp', jwks: [one, two] },
    { issuer: 'corp', jwks: [two] },
    { issuer: 'corp', jwks: ['https://corp/jwks'] },
  ]);
});

test('what one set has beside another is no token of that other alone', () => {
  const [one, two] = [set('a'), set('a', 'b')];
  expect(tokenIssuers([corp(one), corp(two)])).toEqual([
    { issuer: 'corp', jwks: [one, two] },
    { issuer: 'corp', jwks: [two] },
  ]);
});
