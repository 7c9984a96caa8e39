// Mutation testing of what decides: npm run test:mutation (scripts/mutation.mjs names the files). Every mutant is tried against the unit tests of these files, with
// fewer runs of the properties than npm test has; the summary is kept in docs/benchmarks/mutation.md.
export default {
  testRunner: 'jest',
  jest: {
    projectType: 'custom',
    config: {
      rootDir: '.',
      testEnvironment: 'node',
      setupFiles: ['<rootDir>/test/support/mutation.cjs'],
      testMatch: (process.env.MUTATION_TESTS ?? '').split(',').map((file) => `<rootDir>/${file}`),
      transform: { '^.+\\.ts$': ['@swc/jest', { jsc: { target: 'es2022', parser: { syntax: 'typescript', decorators: true }, transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false } }, module: { type: 'commonjs' }, sourceMaps: 'inline' }] },
      modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.gloria/'],
    },
    enableFindRelatedTests: false,
  },
  coverageAnalysis: 'perTest',
  concurrency: 2,
  timeoutMS: 15_000,
  thresholds: { high: 90, low: 85, break: null },
  reporters: ['progress-append-only', 'json'],
  jsonReporter: { fileName: '.gloria/mutation.json' },
  tempDirName: '.gloria/stryker',
  ignorePatterns: ['dist', '.gloria', 'coverage', 'docs', 'nginx', 'docker'],
  disableTypeChecks: false,
};
