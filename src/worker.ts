import 'reflect-metadata';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Logger } from 'nestjs-pino';
import { AppModule } from './app.module';
import { FileStore } from './modules/files';
import { DeliveringService } from './modules/webhooks';
import { MessagesService, TimersService } from './modules/workflow';
import { type Config, configOrExit } from './platform/config';
import { Database } from './platform/database';
import { Jobs } from './platform/jobs';
import { Outbox } from './platform/outbox';
import { housekeeping } from './worker.tasks';

/** A part of the work that got nowhere for so long has failed. */
const STUCK_MS = 60_000;

/** The job process: outbox, cron and housekeeping. The same modules as the API, no HTTP. */
async function main(): Promise<void> {
  const config = configOrExit();
  const app = await NestFactory.createApplicationContext(AppModule.of(config), { bufferLogs: true });
  const logger = app.get(Logger);
  app.useLogger(logger);
  const stopping = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stopping.abort());

  const beat = heartbeat(config);
  // What is due comes first: after a crash somebody waits for it.
  let started = false;
  const working = work(app, () => started && beat(), stopping.signal);
  const tasks = housekeeping(app.get(Database), app.get(FileStore));
  for (const task of tasks) await task.run();
  await app.get(Jobs).start(tasks);
  started = true;
  beat();
  logger.log('worker started');
  process.send?.('ready');
  await working;
  await app.close();
  process.exit(0);
}

/** Delivers and fires what is due until it is told to stop; never throws. */
async function work(app: INestApplicationContext, beat: () => unknown, stopping: AbortSignal): Promise<void> {
  const logger = app.get(Logger);
  const [outbox, timers, messages, webhooks] = [app.get(Outbox), app.get(TimersService), app.get(MessagesService), app.get(DeliveringService)];
  // Each by itself: what waits for somebody's slow server keeps no timer from firing.
  const rounds = [
    { name: 'outbox', round: () => outbox.deliverDue() },
    { name: 'timers', round: () => timers.fireDue() },
    { name: 'messages', round: () => messages.deliverDue() },
    { name: 'webhooks', round: () => webhooks.deliverDue() },
  ];
  const worked = new Map(rounds.map(({ name }) => [name, Date.now()]));
  await Promise.all(
    rounds.map(async ({ name, round }) => {
      while (!stopping.aborted) {
        let done = 0;
        try {
          done = await round();
          worked.set(name, Date.now());
          // Only while all of it works: a worker that runs and gets nowhere goes stale, and health checks see it.
          if (Math.min(...worked.values()) > Date.now() - STUCK_MS) beat();
        } catch (error) {
          logger.error({ err: error }, name);
        }
        if (done === 0) await pause(500, undefined, { signal: stopping }).catch(() => undefined);
      }
    }),
  );
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
