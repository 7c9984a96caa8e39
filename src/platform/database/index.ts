import { Global, Module } from '@nestjs/common';
import { Database } from './database.service';

export { changesAuthorization, Database, withDeadline } from './database.service';
export { everyRow, FILTERED_TABLES, rowsWithin, type Tx, WHY_EVERY_ROW } from './rows';
export { refusePrivilegedRole } from './privileged-role';
export { isDatabaseUnavailable, postgresError } from './database-errors';
export { Prisma } from './generated/client';
export type {
  ApiKey, Appointment, BreakGlass, BreakGlassOpening, BusinessCalendar, CustomPermission, Delegation, Foundation, Grant, Invitation, LeaveKind, OrgUnit, Person, Position, ResourceType, Role, RoleAssignment, RoleInheritance, SodMember, SodSet, UserAccount, UserSession,
  WorkflowDefinition, WorkflowDraft, WorkflowHistory, WorkflowInstance, WorkflowMessage, WorkflowRetirement, WorkflowSubstitution, WorkflowTask, MailChoice, Notification, NotificationPreference, StoredFile, WebhookDelivery, WebhookEndpoint,
} from './generated/client';
export { type DecisionVerb, InstanceState, TaskState } from './generated/enums';

@Global()
@Module({ providers: [Database], exports: [Database] })
export class DatabaseModule {}
