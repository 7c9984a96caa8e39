import { Injectable } from '@nestjs/common';
import { Metrics } from '../telemetry';
import { CACHE_PREFIXES, type CachePrefix } from './prefixes';
import { RedisConnection } from './redis';

/**
 * Values that can be computed again, kept in Redis where there is one, for all instances. A Redis that fails is a miss: the
 * answer is the same, only slower. Values are JSON.
 */
@Injectable()
export class Cache {
  constructor(
    private readonly redis: RedisConnection,
    private readonly metrics: Metrics,
  ) {}

  /** The cached value, or the computed one, which is then kept. `key` must name everything the value depends on. */
  async through<T extends object>(prefix: CachePrefix, key: string, compute: () => Promise<T>): Promise<T> {
    const name = `${prefix}:${key}`;
    const shared = await this.fromRedis<T>(prefix, name);
    if (shared) return shared;
    this.metrics.cache.inc({ prefix, result: 'miss' });
    const value = await compute();
    this.toRedis(prefix, name, value);
    return value;
  }

  private async fromRedis<T>(prefix: CachePrefix, name: string): Promise<T | null> {
    if (!this.redis.client) return null;
    try {
      const text = await this.redis.client.get(name);
      if (text === null) return null;
      this.metrics.cache.inc({ prefix, result: 'shared' });
      return JSON.parse(text) as T;
    } catch {
      this.metrics.cache.inc({ prefix, result: 'error' });
      return null;
    }
  }

  private toRedis(prefix: CachePrefix, name: string, value: object): void {
    if (!this.redis.client) return;
    // ±10 %, so that what was filled together does not expire together.
    const ttl = Math.round(CACHE_PREFIXES[prefix].ttlSeconds * (0.9 + Math.random() * 0.2));
    this.redis.client.set(name, JSON.stringify(value), 'EX', ttl).catch(() => this.metrics.cache.inc({ prefix, result: 'error' }));
  }
}
