import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import type { Response } from 'express';
import { type Observable, tap } from 'rxjs';
import type { AuthenticatedRequest } from '../access';

/** What a change of authorization made: send it as `atLeast` with a check that must not be answered from before it. */
export const AUTHORIZATION_VERSION = 'X-Authorization-Version';

@Injectable()
export class AuthorizationVersionInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(
      tap(() => {
        const http = context.switchToHttp();
        const made = http.getRequest<AuthenticatedRequest>().actor?.request.changedTo;
        if (made !== undefined) http.getResponse<Response>().setHeader(AUTHORIZATION_VERSION, made.toString());
      }),
    );
  }
}
