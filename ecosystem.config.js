// What PM2 runs: the API as a cluster and the worker. deploy.sh starts it once a slot, so that two releases can stand
// beside each other; `pm2 start ecosystem.config.js --env production` starts it alone.
// Variables of the application come from GLORIA_ENV_FILE, which each process reads itself: PM2 keeps the environment of
// what it runs in its memory and its dump file, and no secret belongs there.
const { existsSync, readFileSync } = require('node:fs');
const { availableParallelism } = require('node:os');
const { join } = require('node:path');

const home = process.env.GLORIA_HOME ?? __dirname;
const slot = process.env.GLORIA_SLOT ?? 'blue';
const drainSeconds = Number(process.env.GLORIA_DRAIN_SECONDS ?? 5);
const startSeconds = Number(process.env.GLORIA_START_SECONDS ?? 60);
const memoryMb = Number(process.env.GLORIA_MEMORY_MB ?? 512);
const releaseFile = join(__dirname, 'release.json');
const commit = existsSync(releaseFile) ? JSON.parse(readFileSync(releaseFile, 'utf8')).commit : 'unknown';

/** Longest request after the drain (http/drain.ts), and room to close. */
const LONGEST_REQUEST_SECONDS = 10;

const common = {
  cwd: __dirname,
  // The heap ends before PM2 looks: collecting harder beats being replaced.
  node_args: ['--enable-source-maps', `--max-old-space-size=${Math.floor(memoryMb * 0.75)}`],
  wait_ready: true,
  listen_timeout: startSeconds * 1000,
  kill_timeout: (drainSeconds + LONGEST_REQUEST_SECONDS + 5) * 1000,
  max_memory_restart: `${memoryMb}M`,
  // Never gives up in silence: waits longer each time, up to 15 s.
  exp_backoff_restart_delay: 200,
  max_restarts: 1_000_000,
  watch: false,
  // Lines are JSON with a time of their own; logrotate keeps them (scripts/host/logrotate.conf).
  time: false,
  merge_logs: true,
  env: {
    // Deployed, it is production whatever the environment is called.
    ...(process.env.GLORIA_SLOT ? { NODE_ENV: 'production' } : {}),
    RELEASE_COMMIT: commit,
    DRAIN_SECONDS: String(drainSeconds),
    ...(process.env.GLORIA_ENV_FILE ? { GLORIA_ENV_FILE: process.env.GLORIA_ENV_FILE } : {}),
  },
  env_production: { NODE_ENV: 'production' },
  env_staging: { NODE_ENV: 'production' },
  env_development: { NODE_ENV: 'development' },
};

const app = (name, extra) => ({
  ...common,
  name,
  out_file: join(home, 'logs', `${name}.log`),
  error_file: join(home, 'logs', `${name}.log`),
  ...extra,
  env: { ...common.env, ...extra.env },
});

module.exports = {
  apps: [
    app(`gloria-${slot}`, {
      script: './dist/main.js',
      exec_mode: 'cluster',
      // As many as connections were counted for (gloria validate-env --processes), not as many as there are cores.
      instances: Number(process.env.GLORIA_INSTANCES ?? Math.min(2, availableParallelism())),
      env: { HOST: '127.0.0.1', PORT: process.env.GLORIA_PORT ?? process.env.PORT ?? '3000' },
    }),
    app(`gloria-worker-${slot}`, {
      script: './dist/worker.js',
      exec_mode: 'fork',
      instances: 1,
      env: { WORKER_HEARTBEAT_FILE: join(home, 'state', `worker-${slot}.json`) },
    }),
  ],
};
