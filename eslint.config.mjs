import tseslint from 'typescript-eslint';

// What the import graph (.dependency-cruiser.cjs) cannot see.
export default tseslint.config(
  { ignores: ['dist/', 'coverage/', '.gloria/', 'node_modules/', 'src/platform/database/generated/'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommended],
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'no-console': 'error',
      'no-restricted-syntax': [
        'error',
        { selector: 'CatchClause > BlockStatement[body.length=0]', message: 'Say why the error does not matter, or do not catch it.' },
      ],
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/platform/config/**', '**/*.spec.ts'],
    rules: { 'no-restricted-properties': ['error', { object: 'process', property: 'env', message: 'Read the environment under platform/config only.' }] },
  },
  {
    files: ['src/**/*.controller.ts'],
    ignores: ['src/http/**', 'src/modules/auth/development/**'],
    rules: { 'no-restricted-imports': ['error', { patterns: [{ group: ['**/platform/database*', '**/generated/*'], message: 'A controller is a signpost; the service asks the database.' }] }] },
  },
  { files: ['test/**/*.ts'], rules: { 'no-restricted-syntax': ['error', { selector: "MemberExpression[object.name=/^(it|test|describe)$/][property.name=/^(only|skip|todo)$/]", message: 'No focused or skipped tests.' }] } },
);
