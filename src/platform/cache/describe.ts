import Redis from 'ioredis';

/** Version and memory rules of a Redis; rejects where it does not answer. */
export async function describeRedis(url: string): Promise<Record<string, string>> {
  const client = new Redis(url, { lazyConnect: true, connectTimeout: 3_000, maxRetriesPerRequest: 0, retryStrategy: () => null });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const info = await client.info();
    const read = (name: string) => new RegExp(`^${name}:(.*)$`, 'm').exec(info)?.[1]?.trim() ?? 'unknown';
    return { version: read('redis_version'), maxmemory: read('maxmemory'), maxmemory_policy: read('maxmemory_policy'), aof_enabled: read('aof_enabled') };
  } finally {
    client.disconnect();
  }
}
