import { Global, Module } from '@nestjs/common';
import { Freshness } from './freshness';

export { Freshness, LEASE_MS, type Moment } from './freshness';

@Global()
@Module({ providers: [Freshness], exports: [Freshness] })
export class FreshnessModule {}
