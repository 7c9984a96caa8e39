import type { NextFunction, Request, Response } from 'express';
import { Problem } from '../access';
import { sendProblem } from './problem.filter';

const MAX_DEPTH = 32;

/**
 * Refuses what no honest client sends and what PostgreSQL or a recursive function would choke on: NUL characters and
 * unpaired surrogates anywhere in path, query or body, and bodies nested deeper than 32.
 */
export function plainInput(request: Request, response: Response, next: NextFunction): void {
  const problem = fault(request);
  if (problem) sendProblem(new Problem('REQUEST_INVALID', { count: 1 }, [problem]), request, response);
  else next();
}

function fault(request: Request): { pointer: string; code: string; detail: string } | null {
  if (/%00/.test(request.originalUrl)) return { pointer: 'url', code: 'text', detail: 'NUL characters are not accepted' };
  return bodyFault(request.body);
}

/** The first fault of a parsed body, found without recursion; null where it is plain. */
export function bodyFault(body: unknown): { pointer: string; code: string; detail: string } | null {
  if (typeof body === 'string') return isPlain(body) ? null : TEXT;
  // Only what has parts is kept: an array of a million numbers costs one look at each.
  const open: { value: object; depth: number }[] = body !== null && typeof body === 'object' ? [{ value: body, depth: 0 }] : [];
  for (let at = open.pop(); at; at = open.pop()) {
    if (at.depth >= MAX_DEPTH) return { pointer: '#', code: 'depth', detail: `nested deeper than ${MAX_DEPTH}` };
    const inside = Array.isArray(at.value) ? (at.value as unknown[]) : Object.values(at.value);
    if (!Array.isArray(at.value)) for (const key of Object.keys(at.value)) if (!isPlain(key)) return TEXT;
    for (const value of inside) {
      if (typeof value === 'string') {
        if (!isPlain(value)) return TEXT;
      } else if (value !== null && typeof value === 'object') open.push({ value, depth: at.depth + 1 });
    }
  }
  return null;
}

const TEXT = { pointer: '#', code: 'text', detail: 'NUL characters and unpaired surrogates are not accepted' };

const isPlain = (text: string) => !text.includes('\0') && text.isWellFormed();
