import { createZodValidationPipe } from 'nestjs-zod';
import type { ZodError } from 'zod';
import { type FieldError, Problem } from '../access';

/** Checks body, query and path parameters against their DTO's schema; 400 REQUEST_INVALID names every wrong value. */
export const ValidationPipe = createZodValidationPipe({
  createValidationException: (error) => new Problem('REQUEST_INVALID', { count: fieldErrors(error as ZodError).length }, fieldErrors(error as ZodError)),
});

/** One entry a wrong value, by JSON Pointer (RFC 6901, URI fragment form). */
export function fieldErrors(error: ZodError, limit = 100): FieldError[] {
  return error.issues.slice(0, limit).flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.slice(0, 20).map((key) => ({ pointer: pointer([...issue.path, key]), code: 'unknown_field', detail: 'this field does not exist' }))
      : [{ pointer: pointer(issue.path), code: issue.code, detail: issue.message }],
  );
}

export function pointer(path: readonly PropertyKey[]): string {
  return `#${path.map((part) => `/${encodeURI(String(part).slice(0, 100).toWellFormed().replace(/~/g, '~0').replace(/\//g, '~1'))}`).join('')}`;
}
