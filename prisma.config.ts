import { resolve } from 'node:path';

// The CLI would download a native engine; this one speaks the same protocol over the official WASM build,
// so every Prisma command works on a host without that download (docs/decisions/offline-schema-engine.md).
process.env.PRISMA_SCHEMA_ENGINE_BINARY ??= resolve(__dirname, 'scripts/schema-engine.cjs');
process.env.CHECKPOINT_DISABLE ??= '1';

import { defineConfig } from 'prisma/config';
import { environmentSecrets } from './src/platform/secrets/secrets';

// Migrations run as the owner, direct; the runtime role can do no DDL. `generate` needs no database.
const url = environmentSecrets(process.env).read('MIGRATION_DATABASE_URL') ?? environmentSecrets(process.env).read('DATABASE_URL');

export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
  datasource: { url: url || 'postgresql://unset@127.0.0.1:1/unset' },
});
