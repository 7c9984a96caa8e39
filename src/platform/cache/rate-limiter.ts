import { Injectable } from '@nestjs/common';
import type { ThrottlerStorage } from '@nestjs/throttler';
import { LRUCache } from 'lru-cache';
import { RATE_LIMIT_PREFIX } from './prefixes';
import { RedisConnection } from './redis';

type Record = Awaited<ReturnType<ThrottlerStorage['increment']>>;

// One call decides and records: the theoretical arrival time of the next request, in ms of the server's clock.
const GCRA = `
local now = redis.call('TIME'); now = now[1] * 1000 + now[2] / 1000
local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local tat = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
local ahead = tat - now
if ahead > interval * (burst - 1) then return {0, math.ceil(ahead - interval * (burst - 1)), 0} end
redis.call('SET', KEYS[1], tat + interval, 'PX', math.ceil(ahead + interval))
return {1, math.ceil(ahead + interval), math.floor(burst - 1 - ahead / interval)}`;

/**
 * Generic cell rate algorithm (ITU-T I.371): `limit` requests at once, refilled evenly over `ttl` ms. Shared through
 * Redis where there is one; when it does not answer, and without one, each process counts for itself: never open.
 */
@Injectable()
export class RateLimiter implements ThrottlerStorage {
  private readonly arrivals = new LRUCache<string, number>({ max: 100_000 });

  constructor(private readonly redis: RedisConnection) {}

  async increment(key: string, ttl: number, limit: number, _blockDuration: number, _name: string): Promise<Record> {
    const interval = ttl / limit;
    const shared = await this.inRedis(key, interval, limit);
    const [allowed, wait, remaining] = shared ?? this.inProcess(key, interval, limit, Date.now());
    return {
      totalHits: limit - remaining,
      timeToExpire: Math.ceil(wait / 1000),
      isBlocked: !allowed,
      timeToBlockExpire: allowed ? 0 : Math.ceil(wait / 1000),
    };
  }

  private async inRedis(key: string, interval: number, burst: number): Promise<[number, number, number] | null> {
    if (this.redis.client?.status !== 'ready') return null;
    try {
      return (await this.redis.client.eval(GCRA, 1, `${RATE_LIMIT_PREFIX}:${key}`, interval, burst)) as [number, number, number];
    } catch {
      return null;
    }
  }

  private inProcess(key: string, interval: number, burst: number, now: number): [number, number, number] {
    const tat = Math.max(this.arrivals.get(key) ?? now, now);
    const ahead = tat - now;
    if (ahead > interval * (burst - 1)) return [0, Math.ceil(ahead - interval * (burst - 1)), 0];
    this.arrivals.set(key, tat + interval, { ttl: Math.ceil(ahead + interval) });
    return [1, Math.ceil(ahead + interval), Math.floor(burst - 1 - ahead / interval)];
  }
}
