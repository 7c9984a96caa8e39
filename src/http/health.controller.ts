import { Controller, Get, Inject, Injectable, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { HealthCheckService, HealthIndicatorService, type HealthIndicatorResult, TerminusModule } from '@nestjs/terminus';
import { SkipThrottle } from '@nestjs/throttler';
import type { Response } from 'express';
import { Public } from '../access';
import { RedisConnection } from '../platform/cache';
import { type KeySource, SIGNING_KEYS } from '../platform/clerk';
import { CONFIG, type Config } from '../platform/config';
import { Database, withDeadline } from '../platform/database';
import { Drain } from './drain';

const DEADLINE_MS = 500;

/** Each part's state, by Terminus; nothing here says more than a name, up, down or degraded. */
@Injectable()
export class HealthParts {
  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly database: Database,
    private readonly redisConnection: RedisConnection,
    private readonly drain: Drain,
    @Inject(SIGNING_KEYS) private readonly keys: KeySource,
  ) {}

  readonly process = (): HealthIndicatorResult => {
    const check = this.indicators.check('process');
    return this.drain.started ? check.down({ reason: 'draining' }) : check.up();
  };

  readonly postgres = async (): Promise<HealthIndicatorResult> => {
    const check = this.indicators.check('database');
    try {
      await this.database.ping(DEADLINE_MS);
      return check.up();
    } catch {
      return check.down({ reason: 'no answer' });
    }
  };

  /** Redis is optional: without it the same decisions are made, slower. */
  readonly redis = async (): Promise<HealthIndicatorResult> => {
    const check = this.indicators.check('redis');
    if (!this.redisConnection.client) return check.up({ degraded: true, reason: 'not configured' });
    try {
      await withDeadline(this.redisConnection.ping(), DEADLINE_MS, 'Redis');
      return check.up();
    } catch {
      return check.up({ degraded: true, reason: 'no answer' });
    }
  };

  /** Tokens are verified locally, so this can be degraded and requests still work; it gates nothing. */
  readonly auth = async (): Promise<HealthIndicatorResult> => {
    const check = this.indicators.check('auth');
    return (await this.keys.reachable()) ? check.up() : check.up({ degraded: true, reason: 'no answer' });
  };
}

/**
 * What nginx, PM2, Docker and operators probe. Liveness asks nothing outside the process; readiness asks what a request
 * cannot do without. 503 where a part is down; 200 with `degraded` named where an optional one is.
 */
@ApiExcludeController()
@SkipThrottle()
@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly parts: HealthParts,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  @Get()
  @Public()
  all(@Res({ passthrough: true }) response: Response) {
    return this.answer(response, [this.parts.process, this.parts.postgres, this.parts.redis, this.parts.auth]);
  }

  @Get('live')
  @Public()
  live() {
    return { status: 'ok' };
  }

  @Get('ready')
  @Public()
  ready(@Res({ passthrough: true }) response: Response) {
    return this.answer(response, [this.parts.process, this.parts.postgres, this.parts.redis]);
  }

  @Get('database')
  @Public()
  database(@Res({ passthrough: true }) response: Response) {
    return this.answer(response, [this.parts.postgres]);
  }

  @Get('redis')
  @Public()
  redis(@Res({ passthrough: true }) response: Response) {
    return this.answer(response, [this.parts.redis]);
  }

  @Get('auth')
  @Public()
  auth(@Res({ passthrough: true }) response: Response) {
    return this.answer(response, [this.parts.auth]);
  }

  private async answer(response: Response, parts: (() => HealthIndicatorResult | Promise<HealthIndicatorResult>)[]) {
    // Terminus throws where a part is down; its verdict is the answer here, not an error.
    const result = await this.health.check(parts).catch((error: { getResponse?: () => unknown }) => {
      if (!error.getResponse) throw error;
      return error.getResponse() as Awaited<ReturnType<HealthCheckService['check']>>;
    });
    const down = result.status !== 'ok';
    const degraded = Object.values(result.details).some((part) => part.degraded === true);
    response.status(down ? 503 : 200);
    return { status: down ? 'down' : degraded ? 'degraded' : 'ok', parts: result.details, commit: this.config.release.commit, instance: this.config.release.instance };
  }
}

export const healthImports = [TerminusModule.forRoot({ logger: false })];
