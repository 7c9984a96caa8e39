import { Global, Module } from '@nestjs/common';
import { CalendarsModule } from '../calendars';
import { LeaveModule } from '../leave';
import { FilesModule } from '../files';
import { AttachmentsService } from './attachments.service';
import { AttachingService } from './attaching.service';
import { BulkService } from './bulk.service';
import { DefinitionsService } from './definitions.service';
import { DraftsService } from './drafts.service';
import { DefinitionsController, DraftsController, PicturesController, TemplatesController } from './definitions.controller';
import { AdministrationService } from './administration.service';
import { CallsService } from './calls.service';
import { ConversationService } from './conversation.service';
import { CountedLeave } from './counted-leave.service';
import { DecisionsService } from './decisions.service';
import { EscalationService } from './escalation.service';
import { ExportService } from './export.service';
import { FailuresService } from './failures.service';
import { HandlingService } from './handling.service';
import { InformingService } from './informing.service';
import { IncidentsController } from './incidents.controller';
import { IncidentsService } from './incidents.service';
import { InstancesController } from './instances.controller';
import { MailDecisionsController } from './mail-decisions.controller';
import { MailDecisionsService } from './mail-decisions.service';
import { MessagesController } from './messages.controller';
import { MessagesService } from './messages.service';
import { StatisticsService } from './statistics.service';
import { SubstitutionsController } from './substitutions.controller';
import { SubstitutionsService } from './substitutions.service';
import { TasksController } from './tasks.controller';
import { ReadinessService } from './readiness.service';
import { TimelineService } from './timeline.service';
import { TimersService } from './timers.service';
import { Transitions } from './transitions.service';
import { PreviewService } from './preview.service';
import { WorkflowRows } from './rows';
import { WorkflowQueries } from './workflow.queries';
import { WorkflowService } from './workflow.service';

export { AttachmentsService } from './attachments.service';
export { DefinitionsService } from './definitions.service';
export { MessagesService } from './messages.service';
export { TEMPLATES } from './templates';
export { TimersService } from './timers.service';

@Global()
@Module({
  imports: [CalendarsModule, FilesModule, LeaveModule],
  controllers: [DefinitionsController, DraftsController, PicturesController, TemplatesController, InstancesController, IncidentsController, MailDecisionsController, MessagesController, SubstitutionsController, TasksController],
  providers: [AdministrationService, AttachingService, AttachmentsService, BulkService, CallsService, ConversationService, CountedLeave, DecisionsService, DefinitionsService, DraftsService, EscalationService, ExportService, FailuresService, HandlingService, IncidentsService, InformingService, MailDecisionsService, MessagesService, PreviewService, ReadinessService, StatisticsService, SubstitutionsService, TimelineService, TimersService, Transitions, WorkflowService, WorkflowQueries, WorkflowRows],
  exports: [AttachmentsService, DefinitionsService, MessagesService, TimersService],
})
export class WorkflowModule {}
