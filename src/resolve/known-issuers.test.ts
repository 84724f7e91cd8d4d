import { expect, test } from '@jest/globals';
import type { Uses } from '../ir/gateway.ts';
import type { Issuer } from '../ir/guard.ts';
import { refusingIssuers } from './known-issuers.ts';

function issuer(id: string, name: string): Issuer {
  return { id, issuer: name, keys: { kind: 'inline', jwks: id } };
}

const corp = issuer('corp-1', 'corp');
const impostor = issuer('corp-2', 'corp');
const partner = issuer('partner', 'partner');
const dry = issuer('dry', 'dry');

function refusing(issuers: readonly Issuer[], required: readonly (readonly Issuer[])[]): readonly string[] {
  const uses: Uses = { issuers, required, limits: [], backends: [] };
  return [...refusingIssuers(uses)];
}

test('an enforced issuer refuses, one that only Shadow names does not', () => {
  expect(refusing([corp, dry], [[corp]])).toEqual(['corp-1']);
});

test('an issuer with two sets of keys refuses nobody, and no other issuer minds', () => {
  expect(refusing([corp, impostor, partner], [[corp], [impostor], [partner]])).toEqual(['partner']);
});
