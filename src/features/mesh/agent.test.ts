import { expect, test } from '@jest/globals';
import { meshAgent } from './agent.ts';

test.each([
  [undefined, undefined],
  [{ mode: 'Ambient' }, undefined],
  [{ mode: 'Sidecar' }, { image: undefined, controlPlane: 'istiod.istio-system.svc:15012' }],
  [
    { mode: 'Sidecar', namespace: 'mesh', revision: '1-31', agentImage: 'registry.example.com/proxyv2:1.31' },
    { image: 'registry.example.com/proxyv2:1.31', controlPlane: 'istiod-1-31.mesh.svc:15012' },
  ],
  [
    { mode: 'Sidecar', revision: 'default' },
    { image: undefined, controlPlane: 'istiod.istio-system.svc:15012' },
  ],
] as const)('%j has the agent %j', (spec, expected) => {
  expect(meshAgent(spec)).toEqual(expected);
});
