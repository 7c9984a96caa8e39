// Who may import whom, in one place. The module order is one array; the rules follow from it.
const MODULES = ['audit', 'auth', 'organization', 'permissions', 'calendars', 'leave', 'files', 'webhooks', 'notifications', 'workflow', 'privacy'];

const onlyLeft = MODULES.map((name, index) => ({
  name: `modules-only-left-${name}`,
  comment: `${name} may import modules to its left only: ${MODULES.slice(0, index).join(', ') || 'none'}`,
  severity: 'error',
  from: { path: `^src/modules/${name}/` },
  to: { path: `^src/modules/(${MODULES.slice(index + 1).join('|') || 'nothing-stands-to-the-right'})/` },
}));

const ONLY_IN = { '@clerk/': 'clerk', ioredis: 'cache', postmark: 'mail', '@aws-sdk/': 'storage', 'graphile-worker': 'jobs', undici: 'http-client', 'prom-client': 'telemetry' };
const wrapped = Object.entries(ONLY_IN).map(([dependency, folder]) => ({
  name: `only-platform-${folder}-uses-${dependency.replace(/[^a-z-]/g, '')}`,
  severity: 'error',
  from: { path: '^src/', pathNot: `^src/platform/${folder}/` },
  to: { path: `^node_modules/${dependency}` },
}));

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: { pathNot: '^src/platform/database/generated/' }, to: { circular: true } },
    { name: 'nothing-unreachable', comment: 'every source is reachable from a process or a command', severity: 'error', from: { path: '^src/(main|worker|health-check|cli/gloria)\\.ts$' }, to: { path: '^src/', pathNot: '^src/(main|worker|health-check|cli/gloria)\\.ts$|^src/platform/database/generated/', reachable: false } },
    { name: 'access-imports-nothing-of-ours', severity: 'error', from: { path: '^src/access/' }, to: { path: '^src/', pathNot: '^src/access/' } },
    { name: 'platform-imports-only-platform', severity: 'error', from: { path: '^src/platform/' }, to: { path: '^src/', pathNot: '^src/platform/' } },
    { name: 'http-imports-access-and-platform', severity: 'error', from: { path: '^src/http/' }, to: { path: '^src/', pathNot: '^src/(http|access|platform)/' } },
    { name: 'modules-import-access-http-platform-modules', severity: 'error', from: { path: '^src/modules/' }, to: { path: '^src/', pathNot: '^src/(modules|access|http|platform)/' } },
    { name: 'modules-through-their-index', severity: 'error', from: { path: '^src/modules/([^/]+)/' }, to: { path: '^src/modules/', pathNot: ['^src/modules/$1/', '^src/modules/[^/]+/index\\.ts$'] } },
    { name: 'outside-through-the-index', severity: 'error', from: { path: '^src/', pathNot: '^src/modules/' }, to: { path: '^src/modules/', pathNot: '^src/modules/[^/]+/index\\.ts$' } },
    { name: 'platform-through-its-index', severity: 'error', from: { path: '^src/', pathNot: '^src/platform/' }, to: { path: '^src/platform/', pathNot: '^src/platform/[^/]+/index\\.ts$' } },
    { name: 'source-not-to-tests', severity: 'error', from: { path: '^src/' }, to: { path: '^(test|scripts)/|\\.spec\\.ts$' } },
    { name: 'source-not-to-dev-dependencies', severity: 'error', from: { path: '^src/', pathNot: '\\.spec\\.ts$' }, to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] } },
    { name: 'declared-dependencies-only', severity: 'error', from: { path: '^src/' }, to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'unknown', 'undetermined'] } },
    { name: 'prisma-client-only-in-database', severity: 'error', from: { path: '^src/', pathNot: '^src/platform/database/' }, to: { path: '^(node_modules/@prisma/|src/platform/database/generated/)' } },
    ...onlyLeft,
    ...wrapped,
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '\\.spec\\.ts$' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['require', 'node', 'default', 'types'], extensions: ['.ts', '.js', '.json'] },
  },
};
