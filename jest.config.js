/** Fast tests live beside the code they show; those that need Envoy are `*.envoy.test.ts` (see scripts/lib/stages.ts). */
export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2024' }, module: { type: 'es6' } },
    ],
  },
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/dist/'],
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.cache/'],
  globalTeardown: '<rootDir>/e2e/cluster/teardown.ts',
  // By default Jest keeps one core for itself, which on a machine of two leaves every test to the other.
  maxWorkers: '100%',
  // A busy machine is no mistake of the code: what hangs is found at this age too.
  testTimeout: 30_000,
  workerIdleMemoryLimit: '1GB',
};
