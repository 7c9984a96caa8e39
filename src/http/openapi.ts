import type { INestApplication } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import type { NextFunction, Request, Response } from 'express';
import helmet from 'helmet';
import { cleanupOpenApiDoc } from 'nestjs-zod';
import type { Config } from '../platform/config';

const PROBLEM_SCHEMA = {
  type: 'object',
  description: 'RFC 9457 problem; `code` is stable and listed in docs/errors.md',
  required: ['type', 'title', 'status', 'code', 'detail'],
  properties: {
    type: { type: 'string', examples: ['urn:gloria:problem:PERMISSION_DENIED'] },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string', examples: ['PERMISSION_DENIED'] },
    detail: { type: 'string' },
    instance: { type: 'string' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        required: ['pointer', 'code', 'detail'],
        properties: { pointer: { type: 'string' }, code: { type: 'string' }, detail: { type: 'string' } },
      },
    },
  },
};

const IDEMPOTENCY_KEY = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description: 'Repeat a request under the same key and it is carried out once; the stored answer comes back for 24 hours',
  schema: { type: 'string', minLength: 8, maxLength: 128 },
};

/** The OpenAPI 3.1 document of the whole API; the same for every environment. */
export function openApiDocument(app: INestApplication): OpenAPIObject {
  const options = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Gloria')
    .setDescription('Back office of a school foundation: organization, permissions, requests and their approvals, audit.')
    .setVersion('1')
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'Clerk session token' }, 'session')
    .addApiKey({ type: 'apiKey', in: 'header', name: 'X-Api-Key', description: 'Key of another service' }, 'api-key')
    .build();
  const document = cleanupOpenApiDoc(SwaggerModule.createDocument(app, options, { operationIdFactory: (controller, method) => `${controller.replace(/Controller$/, '')}_${method}` }), { version: '3.1' });
  document.components = { ...document.components, schemas: { ...document.components?.schemas, Problem: PROBLEM_SCHEMA as never } };
  for (const [path, item] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(item as Record<string, { responses?: Record<string, unknown>; parameters?: object[] } | undefined>)) {
      if (!operation?.responses || path.startsWith('/dev')) continue;
      if (method === 'post') operation.parameters = [...(operation.parameters ?? []), IDEMPOTENCY_KEY];
      operation.responses.default = { description: 'Refused or failed', content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } } };
    }
  }
  return document;
}

/** Swagger at /docs, the document at /docs/openapi.json. The pages get a policy of their own; the API's is `none`. */
export function serveOpenApi(app: NestExpressApplication, config: Config): void {
  app.use('/docs', (request: Request, response: Response, next: NextFunction) => {
    helmet.contentSecurityPolicy({
      useDefaults: false,
      directives: { defaultSrc: ["'self'"], styleSrc: ["'self'", "'unsafe-inline'"], imgSrc: ["'self'", 'data:'], frameAncestors: ["'none'"] },
    })(request, response, next);
  });
  SwaggerModule.setup('docs', app, () => openApiDocument(app), {
    jsonDocumentUrl: 'docs/openapi.json',
    yamlDocumentUrl: 'docs/openapi.yaml',
    customSiteTitle: 'Gloria API',
    // With the development issuer, Swagger is signed in as whoever was chosen at /dev/sign-in.
    ...(config.identity.kind === 'development' ? { customJs: '/dev/swagger-session.js' } : {}),
  });
}
