import { type CallHandler, type ExecutionContext, mixin, type NestInterceptor, type Type } from '@nestjs/common';
import express, { type Request, type RequestHandler, type Response } from 'express';
import type { Observable } from 'rxjs';
import { Problem } from '../access';
import { bodyFault } from './plain-input';

/** A path whose bodies may be larger than BODY_LIMIT_BYTES, and which other content types it takes. */
export interface LargeBody {
  path: string;
  limitBytes: number;
  textTypes: string[];
}

/** Parses a route's large body once its caller is known and may send one. */
export function LargeBodyInterceptor({ limitBytes, textTypes }: LargeBody): Type<NestInterceptor> {
  const parsers = [express.json({ limit: limitBytes }), express.text({ limit: limitBytes, type: textTypes })];
  class Parsing implements NestInterceptor {
    async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
      const http = context.switchToHttp();
      const request = http.getRequest<Request>();
      for (const parse of parsers) await run(parse, request, http.getResponse<Response>());
      const fault = bodyFault(request.body);
      if (fault) throw new Problem('REQUEST_INVALID', { count: 1 }, [fault]);
      return next.handle();
    }
  }
  return mixin(Parsing);
}

function run(parse: RequestHandler, request: Request, response: Response): Promise<void> {
  return new Promise((done, fail) => {
    void parse(request, response, (error?: unknown) => (error === undefined ? done() : fail(error as Error)));
  });
}
