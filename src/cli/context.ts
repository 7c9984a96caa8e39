import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AppModule } from '../app.module';
import { type Config, configOrExit } from '../platform/config';

/** Runs a command inside the application, without HTTP, and closes it afterwards. */
export async function inApplication<T>(work: (app: INestApplicationContext, config: Config) => Promise<T>): Promise<T> {
  const config = configOrExit();
  const app = await NestFactory.createApplicationContext(AppModule.of(config), { logger: ['error', 'fatal'] });
  try {
    return await work(app, config);
  } finally {
    await app.close();
  }
}
