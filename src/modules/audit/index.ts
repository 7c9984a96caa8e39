import { Global, Module } from '@nestjs/common';
import { AuditController } from './audit.controller';
import { AuditQueries } from './audit.queries';
import { AuditDenials, AuditService } from './audit.service';

export { AUTHORIZATION_TARGETS, type AuditEvent, difference, plain } from './audit.event';
export { AuditDenials, AuditService } from './audit.service';

@Global()
@Module({ controllers: [AuditController], providers: [AuditService, AuditQueries, AuditDenials], exports: [AuditService, AuditDenials] })
export class AuditModule {}
