import { Global, Module } from '@nestjs/common';
import { Cache } from './cache';
import { RateLimiter } from './rate-limiter';
import { RedisConnection } from './redis';

export { Cache } from './cache';
export { CACHE_PREFIXES } from './prefixes';
export { RateLimiter } from './rate-limiter';
export { RedisConnection } from './redis';

@Global()
@Module({ providers: [RedisConnection, Cache, RateLimiter], exports: [RedisConnection, Cache, RateLimiter] })
export class CacheModule {}
export { describeRedis } from './describe';
