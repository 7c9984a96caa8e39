import { type CallHandler, createParamDecorator, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import type { Request, Response } from 'express';
import multer, { MulterError } from 'multer';
import type { Observable } from 'rxjs';
import { type AuthenticatedRequest, Problem } from '../../access';
import { FILE_BODY, FileStore } from './file.store';
import type { FileView } from './files.dto';

interface UploadRequest extends AuthenticatedRequest {
  stored?: FileView;
}

/** Stores the file a form brings while it is being sent, once its sender is known. */
@Injectable()
export class Uploading implements NestInterceptor {
  constructor(private readonly store: FileStore) {}

  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    const request = context.switchToHttp().getRequest<UploadRequest>();
    const actor = request.actor!;
    const take = multer({
      storage: {
        _handleFile: (_request, file, done) => {
          this.store.receive(actor, file.originalname, file.stream).then(
            (stored) => {
              request.stored = stored;
              done(null, {});
            },
            (error: unknown) => done(error),
          );
        },
        _removeFile: (_request, _file, done) => done(null),
      },
      // One byte more than allowed, so that the store sees that there is more.
      limits: { fileSize: FILE_BODY.limitBytes + 1, files: 1, fields: 0, parts: 1, headerPairs: 20 },
      defParamCharset: 'utf8',
    }).single('file');
    await new Promise<void>((done, fail) => {
      take(request as Request, context.switchToHttp().getResponse<Response>(), (error?: unknown) => (error ? fail(problemOf(error)) : done()));
    });
    if (!request.stored) throw new Problem('REQUEST_INVALID', { count: 1 }, [{ pointer: '#/file', code: 'required', detail: 'this is a form with one part, the file' }]);
    return next.handle();
  }
}

/** What the upload has become. */
export const Stored = createParamDecorator((_: unknown, context: ExecutionContext) => context.switchToHttp().getRequest<UploadRequest>().stored);

function problemOf(error: unknown): unknown {
  if (error instanceof MulterError) return error.code === 'LIMIT_FILE_SIZE' ? new Problem('BODY_TOO_LARGE', { limit: FILE_BODY.limitBytes }) : new Problem('REQUEST_INVALID', { count: 1 }, [{ pointer: '#/file', code: 'form', detail: error.message }]);
  // What the parser of forms says has no type of its own.
  return error instanceof Error && /^(Multipart: |Malformed |Unexpected end of |Request (aborted|closed))/.test(error.message) ? new Problem('REQUEST_MALFORMED') : error;
}
