import { Global, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { Drain } from './drain';
import { HealthController, healthImports, HealthParts } from './health.controller';
import { MetricsController, RequestMetrics } from './metrics';
import { Cursors } from './pagination';
import { RateLimitGuard } from './rate-limit.guard';

@Global()
@Module({
  imports: [DiscoveryModule, ...healthImports],
  controllers: [HealthController, MetricsController],
  providers: [Drain, HealthParts, RequestMetrics, Cursors, RateLimitGuard],
  exports: [Drain, RequestMetrics, Cursors, RateLimitGuard],
})
export class HttpModule {}
