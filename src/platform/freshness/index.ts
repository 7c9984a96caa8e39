import { Global, Injectable, Module } from '@nestjs/common';
import { Database } from '../database';

/**
 * How new what we know is: the version (`v` of authz_head) that whatever depends on authorization is kept under. A request
 * gets it with the statement that opens it (gloria_begin_request); this asks for it alone. Both ask PostgreSQL, so
 * nothing an instance holds outlives a revocation, on any number of instances, without any message between them.
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
