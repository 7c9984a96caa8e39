import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import Redis from 'ioredis';
import { CONFIG, type Config } from '../config';

/**
 * The one Redis connection of a process, or none. A Redis that does not answer costs a request at most the command
 * timeout and then nothing until it is back: commands fail at once while the connection is down.
 */
@Injectable()
export class RedisConnection implements OnApplicationShutdown {
  readonly client: Redis | null;

  constructor(@Inject(CONFIG) config: Config) {
    this.client = config.redisUrl
      ? new Redis(config.redisUrl, {
          connectTimeout: 1_000,
          commandTimeout: 50,
          enableOfflineQueue: false,
          maxRetriesPerRequest: 0,
          retryStrategy: (attempt) => Math.min(100 * 2 ** attempt, 5_000),
          keyPrefix: 'gloria:',
        })
      : null;
    // Unheard, an error event would end the process; health tells of the state, cache metrics of the errors.
    this.client?.on('error', () => undefined);
  }

  async ping(): Promise<void> {
    if (this.client) await this.client.ping();
  }

  onApplicationShutdown(): void {
    this.client?.disconnect();
  }
}
