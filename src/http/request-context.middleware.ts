import { createHash, randomUUID } from 'node:crypto';
import type { NextFunction, Request, Response } from 'express';
import { Problem, type RequestContext } from '../access';

const REQUEST_ID = /^[A-Za-z0-9._-]{8,64}$/;
const VISIBLE = /^[\x21-\x7e]{1,128}$/;
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{8,128}$/;

/** Gives every request an id – the caller's, where it is harmless to print – and answers with it. */
export function requestId(request: Request, response: Response, next: NextFunction): void {
  const sent = request.get('x-request-id');
  const id = sent && REQUEST_ID.test(sent) ? sent : randomUUID();
  (request as Request & { id: string }).id = id;
  // AuthZEN (10.1.3): what was sent comes back, even where it is not what we would print.
  response.setHeader('X-Request-Id', sent && request.path.startsWith('/access/v1/') && VISIBLE.test(sent) ? sent : id);
  next();
}

/** What is put on record of where something came from. */
export function contextOf(request: Request): RequestContext {
  const template = (request.route as { path?: string } | undefined)?.path ?? request.path;
  return { requestId: (request as Request & { id: string }).id, route: `${request.method} ${template}`, ip: request.ip ?? null, idempotency: idempotencyOf(request) };
}

/** The Idempotency-Key of a POST with a hash of path, query and body; undefined where none was sent. */
function idempotencyOf(request: Request): { key: string; requestHash: string } | undefined {
  const key = request.get('idempotency-key');
  if (key === undefined || request.method !== 'POST') return undefined;
  if (!IDEMPOTENCY_KEY.test(key)) {
    throw new Problem('REQUEST_INVALID', { count: 1 }, [{ pointer: 'header:Idempotency-Key', code: 'format', detail: '8 to 128 visible ASCII characters' }]);
  }
  // Hashed when first asked for: a large body is parsed after the guards.
  return {
    key,
    get requestHash() {
      return createHash('sha256').update(request.originalUrl).update('\0').update(JSON.stringify(request.body ?? null)).digest('hex');
    },
  };
}
