import 'reflect-metadata';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { NestFactory } from '@nestjs/core';
import { Logger } from 'nestjs-pino';
import { AppModule } from './app.module';
import { type Config, configOrExit } from './platform/config';
import { Database } from './platform/database';
import { Jobs } from './platform/jobs';
import { Outbox } from './platform/outbox';
import { housekeeping } from './worker.tasks';

/** The job process: outbox, cron and housekeeping. The same modules as the API, no HTTP. */
async function main(): Promise<void> {
  const config = configOrExit();
  const app = await NestFactory.createApplicationContext(AppModule.of(config), { bufferLogs: true });
  const logger = app.get(Logger);
  app.useLogger(logger);
  const stopping = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stopping.abort());

  const tasks = housekeeping(app.get(Database));
  for (const task of tasks) await task.run();
  await app.get(Jobs).start(tasks);
  const beat = heartbeat(config);
  beat();
  logger.log('worker started');
  process.send?.('ready');

  const outbox = app.get(Outbox);
  while (!stopping.signal.aborted) {
    let delivered = 0;
    try {
      delivered = await outbox.deliverDue();
      // Only after a round that worked: a worker that runs and gets nowhere goes stale, and health checks see it.
      beat();
    } catch (error) {
      logger.error({ err: error }, 'outbox');
    }
    if (delivered === 0) await pause(500, undefined, { signal: stopping.signal }).catch(() => undefined);
  }
  await app.close();
  process.exit(0);
}

/** A function that writes who works here and since when, at most once a second; read by health-check.ts --worker. */
function heartbeat({ workerHeartbeatFile: file, release }: Config): () => void {
  let last = 0;
  mkdirSync(dirname(file), { recursive: true });
  return () => {
    if (Date.now() - last < 1_000) return;
    last = Date.now();
    const draft = `${file}.${process.pid}`;
    writeFileSync(draft, `${JSON.stringify({ at: new Date(last).toISOString(), ...release })}\n`);
    renameSync(draft, file);
  };
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(1);
});
