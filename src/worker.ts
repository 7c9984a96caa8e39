import 'reflect-metadata';
import { setTimeout as pause } from 'node:timers/promises';
import { NestFactory } from '@nestjs/core';
import { Logger } from 'nestjs-pino';
import { AppModule } from './app.module';
import { configOrExit } from './platform/config';
import { Database } from './platform/database';
import { Jobs } from './platform/jobs';
import { Outbox } from './platform/outbox';
import { housekeeping } from './worker.tasks';

/** The job process: outbox, cron and housekeeping. The same modules as the API, no HTTP. */
async function main(): Promise<void> {
  const app = await NestFactory.createApplicationContext(AppModule.of(configOrExit()), { bufferLogs: true });
  const logger = app.get(Logger);
  app.useLogger(logger);
  const stopping = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stopping.abort());

  const tasks = housekeeping(app.get(Database));
  for (const task of tasks) await task.run();
  await app.get(Jobs).start(tasks);
  logger.log('worker started');
  process.send?.('ready');

  const outbox = app.get(Outbox);
  while (!stopping.signal.aborted) {
    const delivered = await outbox.deliverDue().catch((error: unknown) => {
      logger.error({ err: error }, 'outbox');
      return 0;
    });
    if (delivered === 0) await pause(500, undefined, { signal: stopping.signal }).catch(() => undefined);
  }
  await app.close();
  process.exit(0);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(1);
});
