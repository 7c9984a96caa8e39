import { createHash } from 'node:crypto';
import { type CallHandler, createParamDecorator, type ExecutionContext, Injectable, type NestInterceptor, UseInterceptors, applyDecorators } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import canonicalize from 'canonicalize';
import type { Request, Response } from 'express';
import { map, type Observable } from 'rxjs';
import { Problem } from '../access';

/** The entity tag of what is answered: it changes exactly when the answer does (RFC 9110 §8.8.3). */
export function etagOf(answer: object): string {
  return `"${createHash('sha256').update(canonicalize(answer)!).digest('base64url').slice(0, 22)}"`;
}

@Injectable()
class EtagInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(
      map((answer: unknown) => {
        if (answer !== null && typeof answer === 'object') context.switchToHttp().getResponse<Response>().setHeader('ETag', etagOf(answer));
        return answer;
      }),
    );
  }
}

/** The answer carries its ETag, for If-None-Match when it is read again and If-Match when it is changed. */
export const Etagged = () => UseInterceptors(EtagInterceptor);

/** Documents If-Match on a route that takes it. */
export const TakesIfMatch = () => applyDecorators(ApiHeader({ name: 'If-Match', required: false, description: 'ETag of what was read; 412 where it has changed since' }));

/** The If-Match header as it came; undefined where there is none. */
export const IfMatch = createParamDecorator((_: unknown, context: ExecutionContext) => context.switchToHttp().getRequest<Request>().get('if-match'));

/**
 * Compares what a change was based on with what is there: an If-Match header with the ETag (412 PRECONDITION_FAILED), a
 * version in the body with the row's (409 STALE_VERSION). `current` is what a GET would answer.
 */
export function requireUnchanged(current: object, based: { ifMatch: string | undefined; version?: number }): void {
  if (based.version !== undefined && based.version !== (current as { version?: number }).version) throw new Problem('STALE_VERSION');
  if (based.ifMatch === undefined || based.ifMatch.trim() === '*') return;
  // A proxy that compresses marks a tag as weak; the content is the same.
  const tags = based.ifMatch.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  if (!tags.includes(etagOf(current))) throw new Problem('PRECONDITION_FAILED');
}

/** 428 where a change of something several people edit names nothing it was based on. */
export function requireBasis(based: { ifMatch: string | undefined; version?: number }): void {
  if (based.ifMatch === undefined && based.version === undefined) throw new Problem('PRECONDITION_REQUIRED');
}
