import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { Server } from 'node:http';
import { Logger } from 'nestjs-pino';
import { AppModule, LARGE_BODIES } from './app.module';
import { configureApp, Drain } from './http';
import { WarmUp } from './modules/permissions';
import { configOrExit } from './platform/config';

/** The API process: build the app, listen, say ready, and on SIGTERM or SIGINT drain and end. */
async function main(): Promise<void> {
  const config = configOrExit();
  const app = await NestFactory.create<NestExpressApplication>(AppModule.of(config), { bodyParser: false, bufferLogs: true });
  configureApp(app, LARGE_BODIES);
  await app.listen(config.http.port, config.http.host);
  const logger = app.get(Logger);
  if (config.outboundAllowedCidrs.length > 0) logger.warn(`outgoing requests may reach private networks: ${config.outboundAllowedCidrs.join(', ')}`);
  logger.log(`listening on ${config.http.host}:${config.http.port}`);
  process.send?.('ready');
  void app.get(WarmUp).run();

  let stopping = false;
  const stop = (signal: string) => {
    if (stopping) return;
    stopping = true;
    logger.log(`${signal}: draining`);
    // PM2 and Docker give up after their own timeouts; ending late but cleanly beats being killed in a transaction.
    void app
      .get(Drain)
      .run(app.getHttpServer() as Server, config.http.drainSeconds)
      .then(() => app.close())
      .then(() => process.exit(0));
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop(signal));
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(1);
});
