import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Params } from 'nestjs-pino';
import type { Config } from '../config';

interface LoggedRequest extends IncomingMessage {
  id: string;
  route?: { path?: string };
  actor?: { kind: string; personId?: string; apiKeyId?: string; foundationId: string };
}

/** Errors whose message is about the program; those of drivers and libraries can carry rows and input. */
const OWN_WORDS = new Set(['Error', 'TypeError', 'RangeError', 'ReferenceError', 'SyntaxError', 'AssertionError', 'ConfigError', 'Problem', 'Denied']);

/** Error objects as name, code and where they were thrown; the message only where it is the program's own. */
function serializeError(error: Error & { code?: unknown; cause?: unknown }): object {
  return {
    name: error.name,
    code: typeof error.code === 'string' ? error.code : undefined,
    message: OWN_WORDS.has(error.name) && error.code === undefined ? printable(error.message.split('\n')[0] ?? '') : undefined,
    stack: error.stack?.split('\n').filter((line) => line.trimStart().startsWith('at ')).slice(0, 12).map((line) => line.trim()),
    cause: error.cause instanceof Error ? serializeError(error.cause) : undefined,
  };
}

/** Control, ANSI and bidirectional characters cannot forge or disguise a log line. */
function printable(text: string): string {
  return text.slice(0, 500).replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '�');
}

/**
 * nestjs-pino options: one line a request, written when it is answered, from an allow-list. No header, body, query or
 * raw path is ever logged; the route template says where, ids of people and keys say who.
 */
export function loggerOptions(config: Config): Params {
  return {
    assignResponse: false,
    forRoutes: ['{*path}'],
    pinoHttp: {
      level: config.logLevel,
      base: { instance: config.release.instance, release: config.release.commit },
      // The request id middleware has run before.
      genReqId: (request) => (request as unknown as LoggedRequest).id,
      quietReqLogger: true,
      quietResLogger: true,
      customAttributeKeys: { reqId: 'requestId' },
      serializers: { req: () => undefined, res: () => undefined, err: serializeError },
      wrapSerializers: false,
      autoLogging: { ignore: (request) => request.url?.startsWith('/health') === true || request.url === '/metrics' },
      customLogLevel: (_request: IncomingMessage, response: ServerResponse, error?: Error) =>
        error || response.statusCode >= 500 ? 'error' : response.statusCode >= 400 ? 'warn' : 'info',
      customSuccessObject: (request: IncomingMessage, response: ServerResponse, value: { responseTime?: number }) =>
        requestLine(request as LoggedRequest, response, value.responseTime),
      customErrorObject: (request: IncomingMessage, response: ServerResponse, _error: Error, value: { responseTime?: number }) =>
        requestLine(request as LoggedRequest, response, value.responseTime),
      customSuccessMessage: () => 'request',
      customErrorMessage: () => 'request failed',
    },
  };
}

function requestLine(request: LoggedRequest, response: ServerResponse, milliseconds: number | undefined): object {
  return {
    method: request.method,
    route: request.route?.path ?? 'unmatched',
    status: response.statusCode,
    ms: milliseconds,
    actor: request.actor && (request.actor.kind === 'api_key' ? `api_key:${request.actor.apiKeyId}` : `person:${request.actor.personId}`),
    foundation: request.actor?.foundationId,
  };
}
