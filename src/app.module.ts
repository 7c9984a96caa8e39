import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, APP_PIPE } from '@nestjs/core';
import { LoggerModule } from 'nestjs-pino';
import { ZodSerializerInterceptor } from 'nestjs-zod';
import { AttachmentAccess, DenialPort, PermissionPort, RowSources } from './access';
import { AuthorizationVersionInterceptor, HttpModule, type LargeBody, ProblemFilter, RateLimitGuard, ValidationPipe } from './http';
import { AuditDenials, AuditModule } from './modules/audit';
import { AuthGuard, AuthModule } from './modules/auth';
import { CalendarsModule } from './modules/calendars';
import { FILE_BODY, FilesModule } from './modules/files';
import { LeaveModule } from './modules/leave';
import { NotificationsModule } from './modules/notifications';
import { WebhooksModule } from './modules/webhooks';
import { IMPORT_BODY, OrganizationModule } from './modules/organization';
import { PermissionsGuard, PermissionsModule, PermissionsService } from './modules/permissions';
import { AttachmentsService, WorkflowModule } from './modules/workflow';
import { CacheModule } from './platform/cache';
import { ClerkModule } from './platform/clerk';
import { type Config, ConfigModule } from './platform/config';
import { DatabaseModule } from './platform/database';
import { FreshnessModule } from './platform/freshness';
import { OutboundHttpModule } from './platform/http-client';
import { JobsModule } from './platform/jobs';
import { KeyringModule } from './platform/keyring';
import { MailModule } from './platform/mail';
import { OutboxModule } from './platform/outbox';
import { StorageModule } from './platform/storage';
import { loggerOptions, TelemetryModule } from './platform/telemetry';

/** Bodies larger than BODY_LIMIT_BYTES, and of types other than JSON. */
export const LARGE_BODIES: readonly LargeBody[] = [IMPORT_BODY, FILE_BODY];

/** Ports named in access/, and what stands behind them. */
const PORTS = [
  { provide: PermissionPort, useExisting: PermissionsService },
  { provide: DenialPort, useExisting: AuditDenials },
  { provide: AttachmentAccess, useExisting: AttachmentsService },
  RowSources,
];

/** The way of a request after the middlewares of http/configure-app.ts, in this order. Drawn in docs/architecture.md. */
const REQUEST_PATH = [
  { provide: APP_GUARD, useClass: AuthGuard }, // 401: who calls?
  { provide: APP_GUARD, useExisting: RateLimitGuard }, // 429: too often?
  { provide: APP_GUARD, useClass: PermissionsGuard }, // 403: may they do this kind of thing at all?
  { provide: APP_INTERCEPTOR, useClass: AuthorizationVersionInterceptor }, // the version a change of authorization made
  { provide: APP_INTERCEPTOR, useClass: ZodSerializerInterceptor }, // answers hold what their schema names, no more
  { provide: APP_PIPE, useClass: ValidationPipe }, // 400: is what they sent well-formed?
  // controller (one line) → service (rules, transaction, audit) → answer
  { provide: APP_FILTER, useClass: ProblemFilter }, // whatever was thrown → problem+json
];

@Module({})
export class PortsModule {
  static readonly bound: DynamicModule = { module: PortsModule, global: true, providers: PORTS, exports: PORTS.map((port) => ('provide' in port ? port.provide : port)) };
}

@Module({})
export class AppModule {
  static of(config: Config): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.of(config),
        LoggerModule.forRoot(loggerOptions(config)),
        TelemetryModule, DatabaseModule, CacheModule, FreshnessModule, KeyringModule, StorageModule, OutboxModule, OutboundHttpModule, MailModule, ClerkModule, JobsModule,
        HttpModule, PortsModule.bound,
        AuditModule, AuthModule.of(config), OrganizationModule, PermissionsModule, CalendarsModule, LeaveModule, FilesModule, WebhooksModule, NotificationsModule.of(config), WorkflowModule,
      ],
      providers: REQUEST_PATH,
    };
  }
}
