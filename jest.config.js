// Pure rules beside the code, the API over HTTP, facts about the repository; whole processes and hosts (drills, long), the image.
// Each Jest worker owns a database cloned from one migrated template (test/support/database.ts).
const swc = [
  '@swc/jest',
  {
    jsc: {
      target: 'es2022',
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
    },
    module: { type: 'commonjs' },
    sourceMaps: 'inline',
  },
];
const project = (displayName, testMatch, extra = {}) => ({
  displayName,
  testMatch,
  rootDir: __dirname,
  testEnvironment: 'node',
  transform: { '^.+\\.ts$': swc },
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.gloria/'],
  ...extra,
});
module.exports = {
  projects: [
    project('unit', ['<rootDir>/src/**/*.spec.ts']),
    project('http', ['<rootDir>/test/http/**/*.spec.ts'], { setupFilesAfterEnv: ['<rootDir>/test/support/matchers.ts'] }),
    project('contract', ['<rootDir>/test/contract/**/*.spec.ts'], { setupFilesAfterEnv: ['<rootDir>/test/support/matchers.ts'] }),
    project('image', ['<rootDir>/test/image/**/*.spec.ts']),
    project('long', ['<rootDir>/test/long/**/*.spec.ts'], { setupFilesAfterEnv: ['<rootDir>/test/support/matchers.ts'] }),
    project('drills', ['<rootDir>/test/fault/**/*.spec.ts'], { setupFilesAfterEnv: ['<rootDir>/test/support/matchers.ts'] }),
  ],
  testTimeout: 60_000,
  maxWorkers: 2,
  collectCoverageFrom: ['src/**/*.ts', '!src/**/*.spec.ts', '!src/platform/database/generated/**'],
  coverageProvider: 'v8',
  coverageReporters: ['text-summary', 'json-summary', 'lcov'],
  coverageThreshold: { global: { lines: 80, branches: 80 } },
};
