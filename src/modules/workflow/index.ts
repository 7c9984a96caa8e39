import { Module } from '@nestjs/common';
import { BulkService } from './bulk.service';
import { DefinitionsService } from './definitions.service';
import { DefinitionsController, InstancesController, PicturesController, TasksController, TemplatesController } from './workflow.controller';
import { PreviewService } from './preview.service';
import { WorkflowRows } from './rows';
import { WorkflowQueries } from './workflow.queries';
import { WorkflowService } from './workflow.service';

export { DefinitionsService } from './definitions.service';
export { TEMPLATES } from './templates';

@Module({
  controllers: [DefinitionsController, PicturesController, TemplatesController, InstancesController, TasksController],
  providers: [BulkService, DefinitionsService, PreviewService, WorkflowService, WorkflowQueries, WorkflowRows],
  exports: [DefinitionsService],
})
export class WorkflowModule {}
