/** All tables of requests and decisions. */
import { authenticationTables } from './authentication.ts';
import { callerTables } from './callers.ts';
import { claimTables } from './claims.ts';
import { gatewayTables } from './gateways.ts';
import { requestTables } from './requests.ts';
import type { Table } from './table.ts';

export { notOurTests } from './requests.ts';

export const decisionTables: readonly Table[] = [
  ...callerTables,
  ...requestTables,
  ...claimTables,
  ...gatewayTables,
  ...authenticationTables,
];
