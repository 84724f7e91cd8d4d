import { expect, test } from '@jest/globals';
import type { ObjectRef } from '../../kube/object.ts';
import { resolveService } from './resolve.ts';

const edge: ObjectRef = { kind: 'ApiGateway', namespace: 'gateways', name: 'edge' };

test('what is left open', () => {
  expect(resolveService(edge)).toEqual({
    exposure: {
      type: 'LoadBalancer',
      labels: {},
      annotations: {},
      sourceRanges: [],
      nodePorts: new Map(),
      asWritten: {},
    },
    findings: [],
  });
});

test('an address is a block of one', () => {
  const ranges = ['203.0.113.0/24', '198.51.100.7', '2001:db8::1'];
  const { exposure } = resolveService(edge, { loadBalancerSourceRanges: ranges });
  expect(exposure.sourceRanges).toEqual(['203.0.113.0/24', '198.51.100.7/32', '2001:db8::1/128']);
});

test('node ports are of listeners, each its own', () => {
  const nodePorts = [
    { port: 80, nodePort: 30080 },
    { port: 443, nodePort: 30080 },
    { port: 8080, nodePort: 30081 },
  ];
  const { findings } = resolveService(edge, { nodePorts }, [80, 443]);
  expect(findings.map(({ at, message, remedy }) => `${at}: ${message}. ${remedy}`)).toEqual([
    'spec.service.nodePorts[0].nodePort: node port 30080 is given to port 443, too. Give each port a node port of its own',
    'spec.service.nodePorts[1].nodePort: node port 30080 is given to port 80, too. Give each port a node port of its own',
    'spec.service.nodePorts[2].port: no listener has port 8080. Name the port of a listener, or remove the entry',
  ]);
});
