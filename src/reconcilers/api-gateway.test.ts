import { expect, test } from '@jest/globals';
import { kinds } from '../api/kinds.ts';
import { resolver } from '../resolve/resolve.ts';
import { gateway, snapshotOf } from '../testing/build.ts';
import { type ApiGatewayStatus, apiGatewayStatus } from './api-gateway.ts';
import { type Address, statusWorld } from './world.ts';

function statusWith(addresses: readonly Address[]): ApiGatewayStatus | undefined {
  const object = gateway({}, { generation: 1 });
  const resolution = resolver()(snapshotOf([object]));
  const deliveries = new Map([['shop/edge', { revision: 'abc', envoys: { loaded: 1, ready: 1 } }]]);
  const world = statusWorld(resolution, [], { deliveries, addresses: new Map([['shop/edge', addresses]]) });
  return apiGatewayStatus('shop/edge', object, world);
}

test('it says where its Service is reached, and waits for no address to be ready', () => {
  const addresses: readonly Address[] = [
    { type: 'IPAddress', value: '203.0.113.7' },
    { type: 'Hostname', value: 'edge.elb.example.com' },
  ];
  expect(statusWith(addresses)?.addresses).toEqual(addresses);
  const schema = kinds.find(({ kind }) => kind === 'ApiGateway')?.status;
  expect(schema?.safeParse({ addresses })).toMatchObject({ success: true });

  const without = statusWith([]);
  expect(without).not.toHaveProperty('addresses');
  expect(without?.conditions).toContainEqual(expect.objectContaining({ type: 'Ready', status: 'True' }));
});
