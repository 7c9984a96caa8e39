import type { Server } from 'node:http';
import { DiscoveryService } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import compression from 'compression';
import express, { type NextFunction, type Request, type Response } from 'express';
import helmet from 'helmet';
import { Logger } from 'nestjs-pino';
import { type AuthenticatedRequest, Problem } from '../access';
import { CONFIG, type Config } from '../platform/config';
import { refuseRoutesWithoutRule } from './access-check';
import { Drain } from './drain';
import { type LargeBody } from './large-body';
import { RequestMetrics } from './metrics';
import { serveOpenApi } from './openapi';
import { sendProblem } from './problem.filter';
import { AUTHORIZATION_VERSION } from './authorization-version';
import { plainInput } from './plain-input';
import { requestId } from './request-context.middleware';

/** Everything in front of the guards, in order. Called once, by main.ts and by the tests. */
export function configureApp(app: NestExpressApplication, largeBodies: readonly LargeBody[]): void {
  const config = app.get<Config>(CONFIG);
  app.useLogger(app.get(Logger));
  refuseRoutesWithoutRule(app.get(DiscoveryService));

  app.set('trust proxy', config.http.trustProxyHops);
  app.set('query parser', 'simple');
  app.disable('x-powered-by');
  app.setGlobalPrefix('api/v1', { exclude: ['health', 'health/*part', 'metrics', 'dev', 'dev/*part', 'access/v1/*part', '.well-known/authzen-configuration'] });

  app.use(requestId);
  app.use(app.get(RequestMetrics).middleware);
  app.use(app.get(Drain).middleware);
  app.use(releaseHeader(config));
  app.use(helmet({ contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } } }));
  app.use(noStore);
  app.enableCors({
    origin: config.http.corsOrigins.length > 0 ? [...config.http.corsOrigins] : false,
    methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
    allowedHeaders: ['Authorization', 'Content-Type', 'Idempotency-Key', 'If-Match', 'X-Api-Key', 'X-Request-Id'],
    exposedHeaders: ['ETag', 'RateLimit', 'RateLimit-Policy', 'Retry-After', AUTHORIZATION_VERSION, 'X-Request-Id'],
    maxAge: 600,
  });
  app.use(compression({ threshold: 1024 }));
  const json = express.json({ limit: config.http.bodyLimitBytes });
  // Large bodies are parsed after the guards (LargeBodyInterceptor): nobody unknown makes this process read megabytes.
  app.use((request: Request, response: Response, next: NextFunction) => (largeBodies.some(({ path }) => request.path === path) ? next() : json(request, response, next)));
  app.use(emptyBody);
  app.use(jsonOnly(largeBodies));
  app.use(plainInput);
  // What the body parser throws comes before Nest and its filter; it is answered the same way.
  app.use((error: unknown, request: Request, response: Response, next: NextFunction) => {
    const { type, limit } = error as { type?: string; limit?: number };
    if (type === 'entity.too.large') return sendProblem(new Problem('BODY_TOO_LARGE', { limit: limit ?? config.http.bodyLimitBytes }), request as AuthenticatedRequest, response);
    if (type?.startsWith('entity.') || type?.startsWith('encoding.') || type?.startsWith('charset.') || type?.startsWith('request.')) {
      return sendProblem(new Problem('REQUEST_MALFORMED'), request as AuthenticatedRequest, response);
    }
    next(error);
  });

  serveOpenApi(app, config);
  const server = app.getHttpServer() as Server;
  // Longer than a balancer's keep-alive, so that it is never us who closes a connection it is about to use.
  server.keepAliveTimeout = 75_000;
  server.headersTimeout = 15_000;
  server.requestTimeout = 15_000;
}

function releaseHeader(config: Config) {
  const value = `${config.release.commit}; ${config.release.instance}`;
  return (_request: Request, response: Response, next: NextFunction) => {
    response.setHeader('X-Gloria-Release', value);
    next();
  };
}

function noStore(_request: Request, response: Response, next: NextFunction): void {
  response.setHeader('Cache-Control', 'no-store');
  next();
}

/** No body at all is an empty one: a verb without fields needs none. */
function emptyBody(request: Request, _response: Response, next: NextFunction): void {
  if (request.method !== 'GET' && request.body === undefined && Number(request.headers['content-length'] ?? 0) === 0 && request.headers['transfer-encoding'] === undefined) request.body = {};
  next();
}

/** A body that is not JSON is refused (415) rather than taken for an empty one. */
function jsonOnly(largeBodies: readonly LargeBody[]) {
  return (request: Request, response: Response, next: NextFunction): void => {
    const hasBody = request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
    const own = largeBodies.find(({ path }) => request.path === path);
    if (!hasBody || request.is('application/json') || (own && request.is(own.textTypes))) return next();
    const expected = ['application/json', ...(own?.textTypes ?? [])].join(' / ');
    sendProblem(new Problem('CONTENT_TYPE_UNSUPPORTED', { expected }), request as AuthenticatedRequest, response);
  };
}
