import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Response } from 'express';
import { ACCESS_RULE, type AccessRule, type AuthenticatedRequest, Problem, type RequestContext } from '../../access';
import { contextOf, localeOf, RateLimitGuard } from '../../http';
import { Metrics } from '../../platform/telemetry';
import { ApiKeysService } from './api-keys.service';
import { SessionsService } from './sessions.service';

/** Establishes who calls, or answers 401. Credentials come in headers only; a cookie authenticates nobody. */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly sessions: SessionsService,
    private readonly apiKeys: ApiKeysService,
    private readonly limits: RateLimitGuard,
    private readonly metrics: Metrics,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const rule = this.reflector.get<AccessRule | undefined>(ACCESS_RULE, context.getHandler());
    if (!rule) throw new Problem('ROUTE_WITHOUT_RULE');
    if (rule.kind === 'public') return true;

    const request = context.switchToHttp().getRequest<AuthenticatedRequest & { id: string }>();
    try {
      await this.authenticate(request, contextOf(request));
    } catch (error) {
      if (error instanceof Problem && error.status === 401) {
        this.metrics.authentication.inc({ result: error.code });
        await this.limits.countFailure(request, context.switchToHttp().getResponse<Response>());
      }
      throw error;
    }
    this.metrics.authentication.inc({ result: 'ok' });
    if (!request.actor && rule.kind !== 'token') throw new Problem('ACCOUNT_NOT_LINKED');
    return true;
  }

  private async authenticate(request: AuthenticatedRequest, context: RequestContext): Promise<void> {
    const authorization = request.get('authorization');
    const apiKey = request.get('x-api-key');
    if (apiKey !== undefined && authorization === undefined) {
      request.actor = await this.apiKeys.authenticate(apiKey, context, localeOf(request.get('accept-language')));
      return;
    }
    if (authorization === undefined) throw new Problem('AUTH_TOKEN_MISSING');
    const [scheme, token, ...rest] = authorization.split(' ');
    if (scheme?.toLowerCase() !== 'bearer' || !token || rest.length > 0) throw new Problem('AUTH_TOKEN_INVALID', { reason: 'malformed' });
    const caller = await this.sessions.authenticate(token, context, request.get('accept-language'));
    if (caller.kind === 'unlinked') request.unlinked = caller;
    else request.actor = caller;
  }
}
