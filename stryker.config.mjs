// Mutation testing of what decides: npm run test:mutation. Every mutant is tried against the unit tests of these files, with
// fewer runs of the properties than npm test has; the summary is kept in docs/benchmarks/mutation.md.
export default {
  testRunner: 'jest',
  mutate: ['src/modules/permissions/{decide,subject,row-grants,duties,simulate}.ts', 'src/access/{condition,row-filter}.ts'],
  jest: {
    projectType: 'custom',
    config: {
      rootDir: '.',
      testEnvironment: 'node',
      testMatch: ['<rootDir>/src/modules/permissions/*.spec.ts', '<rootDir>/src/access/*.spec.ts'],
      transform: { '^.+\\.ts$': ['@swc/jest', { jsc: { target: 'es2022', parser: { syntax: 'typescript', decorators: true }, transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false } }, module: { type: 'commonjs' }, sourceMaps: 'inline' }] },
      modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.gloria/'],
    },
    enableFindRelatedTests: false,
  },
  coverageAnalysis: 'perTest',
  concurrency: 2,
  timeoutMS: 20_000,
  thresholds: { high: 90, low: 85, break: 85 },
  reporters: ['progress-append-only', 'json'],
  jsonReporter: { fileName: '.gloria/mutation.json' },
  tempDirName: '.gloria/stryker',
  ignorePatterns: ['dist', '.gloria', 'coverage', 'docs', 'nginx', 'docker'],
  disableTypeChecks: false,
};
