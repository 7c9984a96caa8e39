import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { THROTTLER_LIMIT, THROTTLER_SKIP, THROTTLER_TTL } from '@nestjs/throttler/dist/throttler.constants';
import type { Request, Response } from 'express';
import { actorKey, type AuthenticatedRequest, Problem } from '../access';
import { RateLimiter } from '../platform/cache';
import { CONFIG, type Config } from '../platform/config';
import { Metrics } from '../platform/telemetry';

const MINUTE = 60_000;

/**
 * Limits each caller on every route. Reads @nestjs/throttler's own decorators (`@Throttle`, `@SkipThrottle`, name
 * `default`) and storage interface; the guard is ours because theirs halves a route's throughput
 * (docs/decisions/own-rate-limit-guard.md). A caller is a person, an API key, or an address while unauthenticated.
 */
@Injectable()
export class RateLimitGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly limiter: RateLimiter,
    private readonly metrics: Metrics,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const targets = [context.getHandler(), context.getClass()];
    if (this.reflector.getAllAndOverride<boolean>(`${THROTTLER_SKIP}default`, targets)) return true;
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    const own = this.reflector.getAllAndOverride<number>(`${THROTTLER_LIMIT}default`, targets);
    const ttl = this.reflector.getAllAndOverride<number>(`${THROTTLER_TTL}default`, targets) ?? MINUTE;
    const limit = own ?? this.config.rateLimitPerMinute;
    const caller = request.actor ? `${request.actor.foundationId}:${actorKey(request.actor)}` : `ip:${request.ip}`;
    const route = own === undefined ? '' : `:${context.getClass().name}.${context.getHandler().name}`;
    await this.take(`${caller}${route}`, limit, ttl, own === undefined ? 'caller' : 'route', context.switchToHttp().getResponse<Response>());
    return true;
  }

  /** Counts a failed authentication against the address it came from; throws 429 once there were too many. */
  async countFailure(request: Request, response: Response): Promise<void> {
    await this.take(`failed:${request.ip}`, Math.max(1, Math.floor(this.config.rateLimitPerMinute / 4)), MINUTE, 'failed-authentication', response);
  }

  private async take(key: string, limit: number, ttl: number, tier: string, response: Response): Promise<void> {
    const record = await this.limiter.increment(key, ttl, limit, 0, 'default');
    response.setHeader('RateLimit-Policy', `"default";q=${limit};w=${Math.round(ttl / 1000)}`);
    response.setHeader('RateLimit', `"default";r=${Math.max(0, limit - record.totalHits)};t=${record.timeToExpire}`);
    if (!record.isBlocked) return;
    this.metrics.rateLimited.inc({ tier });
    throw new Problem('RATE_LIMITED', { seconds: Math.max(1, record.timeToBlockExpire) });
  }
}
