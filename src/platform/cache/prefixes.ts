/**
 * Every kind of thing kept in the cache: how long at most, and how it stays right. Correctness never rests on the TTL:
 * a key names everything its value depends on. Keys outside this list cannot be written.
 */
export const CACHE_PREFIXES = {
  /** Facts of subjects by foundation, person and authorization version. A new name where their shape changes: releases share one Redis. */
  'subject-holdings': { ttlSeconds: 3_600, holds: 'What a person holds and was lent; the key carries the authorization version' },
} as const satisfies Record<string, { ttlSeconds: number; holds: string }>;

export type CachePrefix = keyof typeof CACHE_PREFIXES;

/** Keys of other shapes in the same Redis, with their own expiry. */
export const RATE_LIMIT_PREFIX = 'rate';
