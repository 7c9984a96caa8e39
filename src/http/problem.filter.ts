import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Injectable, Logger } from '@nestjs/common';
import type { Response } from 'express';
import { type AuthenticatedRequest, Denied, DenialPort, type Locale, Problem, type ProblemCode, PROBLEMS } from '../access';
import { isDatabaseUnavailable, postgresError } from '../platform/database';

/** SQLSTATEs with a meaning of their own: Gloria's (raised by triggers) and PostgreSQL's. */
const BY_SQLSTATE: Record<string, ProblemCode> = {
  GL002: 'ORGANIZATION_CYCLE',
  GL004: 'ORGANIZATION_SHAPE',
  GL005: 'ROLE_CYCLE',
  GL007: 'AUDIT_EVENT_MISSING',
  GL008: 'ROLES_KEPT_APART',
  GL009: 'DELEGATIONS_TOO_MANY',
  // Two transactions wanted the same rows; nothing was written, the caller may repeat.
  '40001': 'STALE_VERSION',
  '40P01': 'STALE_VERSION',
  // Values the checks in front should have refused; still the caller's, not ours.
  '22021': 'REQUEST_MALFORMED',
  '22P05': 'REQUEST_MALFORMED',
  '22P02': 'REQUEST_MALFORMED',
  '22003': 'REQUEST_MALFORMED',
  '22008': 'REQUEST_MALFORMED',
};

/** The one place where whatever was thrown becomes RFC 9457 problem+json. */
@Injectable()
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger('request');

  constructor(private readonly denials: DenialPort) {}

  async catch(thrown: unknown, host: ArgumentsHost): Promise<void> {
    const request = host.switchToHttp().getRequest<AuthenticatedRequest>();
    const response = host.switchToHttp().getResponse<Response>();
    let problem = toProblem(thrown);
    // A refusal is on record before it is answered; where it cannot be recorded, the request fails.
    if (problem instanceof Denied && request.actor) {
      try {
        await this.denials.record(request.actor, { code: problem.code, permission: problem.params.permission?.toString(), target: problem.target });
      } catch (error) {
        this.logger.error({ err: error, requestId: request.id }, 'denial not recorded');
        problem = new Problem('DEPENDENCY_UNAVAILABLE', { dependency: 'database' });
      }
    }
    if (problem.status >= 500) this.logger.error({ err: thrown, requestId: request.id, code: problem.code }, 'request failed');
    if (response.headersSent) {
      response.destroy();
      return;
    }
    sendProblem(problem, request, response);
  }
}

/** Writes a problem as the answer. */
export function sendProblem(problem: Problem, request: AuthenticatedRequest, response: Response): void {
  const locale = request.actor?.locale ?? request.unlinked?.locale ?? localeOf(request.get('accept-language'));
  if (problem.status === 401) response.setHeader('WWW-Authenticate', 'Bearer realm="gloria"');
  if (problem.code === 'RATE_LIMITED') response.setHeader('Retry-After', String(problem.params.seconds ?? 1));
  if (problem.status === 503) response.setHeader('Retry-After', '1');
  response
    .status(problem.status)
    .setHeader('Content-Language', locale)
    .type('application/problem+json')
    .send(
      JSON.stringify({
        type: `urn:gloria:problem:${problem.code}`,
        title: PROBLEMS[problem.code].title,
        status: problem.status,
        code: problem.code,
        detail: problem.detail(locale),
        instance: request.id !== undefined ? `urn:gloria:request:${String(request.id)}` : undefined,
        ...(problem.errors.length > 0 ? { errors: problem.errors } : {}),
      }),
    );
}

/** Whatever was thrown, as a problem. */
export function toProblem(thrown: unknown): Problem {
  if (thrown instanceof Problem) return thrown;
  const timedOut = ['55P03', '57014'].includes(postgresError(thrown)?.sqlState ?? '');
  if (timedOut || isDatabaseUnavailable(thrown)) return new Problem('DEPENDENCY_UNAVAILABLE', { dependency: 'database' });
  const refused = postgresError(thrown);
  const known = refused ? BY_SQLSTATE[refused.sqlState] : undefined;
  // Triggers that have something to say beyond their code say only that.
  if (known) return new Problem(known, known === 'ROLES_KEPT_APART' ? { set: refused!.message } : {});
  if (thrown instanceof HttpException) return fromStatus(thrown.getStatus());
  // Thrown by body-parser before Nest is reached.
  const { type, status } = thrown as { type?: string; status?: number; limit?: number };
  if (type === 'entity.parse.failed' || type === 'encoding.unsupported' || type === 'charset.unsupported') return new Problem('REQUEST_MALFORMED');
  if (type === 'entity.too.large') return new Problem('BODY_TOO_LARGE', { limit: (thrown as { limit?: number }).limit ?? 0 });
  return status ? fromStatus(status) : new Problem('INTERNAL');
}

function fromStatus(status: number): Problem {
  if (status === 404) return new Problem('NOT_FOUND');
  if (status === 413) return new Problem('BODY_TOO_LARGE', { limit: 0 });
  if (status === 415) return new Problem('CONTENT_TYPE_UNSUPPORTED', { expected: 'application/json' });
  if (status >= 400 && status < 500) return new Problem('REQUEST_MALFORMED');
  return new Problem('INTERNAL');
}

/** Indonesian unless the first language named that we speak is English. */
export function localeOf(acceptLanguage: string | undefined): Locale {
  for (const part of (acceptLanguage ?? '').slice(0, 200).split(',')) {
    const language = part.trim().slice(0, 2).toLowerCase();
    if (language === 'en' || language === 'id') return language;
  }
  return 'id';
}
