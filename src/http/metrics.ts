import { Controller, Get, Injectable, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { SkipThrottle } from '@nestjs/throttler';
import type { NextFunction, Request, Response } from 'express';
import { Public } from '../access';
import { Metrics } from '../platform/telemetry';

/** Observes every request by route template, so that label values stay few. */
@Injectable()
export class RequestMetrics {
  constructor(private readonly metrics: Metrics) {}

  readonly middleware = (request: Request, response: Response, next: NextFunction): void => {
    const start = process.hrtime.bigint();
    response.once('finish', () => {
      const route = (request.route as { path?: string } | undefined)?.path ?? 'unmatched';
      this.metrics.requests.observe({ method: request.method, route, status: response.statusCode }, Number(process.hrtime.bigint() - start) / 1e9);
    });
    next();
  };
}

@ApiExcludeController()
@SkipThrottle()
@Controller('metrics')
export class MetricsController {
  constructor(private readonly metrics: Metrics) {}

  /** Prometheus text; nginx does not pass this path on. */
  @Get()
  @Public()
  async scrape(@Res() response: Response): Promise<void> {
    response.type(this.metrics.registry.contentType).send(await this.metrics.text());
  }
}
