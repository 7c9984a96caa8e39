import { Global, Injectable, Module } from '@nestjs/common';
import { Database } from '../database';

/**
 * How new what we know is. Everything an answer may be cached under (`v` of authz_head) is asked for here.
 *
 * This implementation asks PostgreSQL: the head comes with the one statement that opens every request, so nothing an
 * instance holds can outlive a revocation, on any number of instances, without any message between them.
 */
@Injectable()
export class Freshness {
  constructor(private readonly database: Database) {}

  /** The foundation's authorization version as committed now. */
  async head(foundationId: string): Promise<bigint> {
    const rows = await this.database.hot<{ v: string }>(
      `SELECT gloria_authz_head($1)::text AS v`,
      [foundationId],
    );
    return BigInt(rows[0]?.v ?? '0');
  }
}

@Global()
@Module({ providers: [Freshness], exports: [Freshness] })
export class FreshnessModule {}
