/** All tables of requests and decisions. */
import { authenticationTables } from './authentication.ts';
import { builderTables, networkRules } from './builder.ts';
import { callerTables } from './callers.ts';
import { claimTables } from './claims.ts';
import { gatewayTables } from './gateways.ts';
import { customServer, requestTables } from './requests.ts';
import type { NotOurs, Table } from './table.ts';

export const decisionTables: readonly Table[] = [
  ...callerTables,
  ...requestTables,
  ...claimTables,
  ...gatewayTables,
  ...authenticationTables,
  ...builderTables,
];

/** Tests of which nothing is played. */
export const notOurTests: readonly (NotOurs & { readonly of: string })[] = [customServer, networkRules];
