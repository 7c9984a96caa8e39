import { Module } from '@nestjs/common';
import { DefinitionsService } from './definitions.service';
import { DefinitionsController, InstancesController, TasksController } from './workflow.controller';
import { WorkflowRows } from './rows';
import { WorkflowQueries } from './workflow.queries';
import { WorkflowService } from './workflow.service';

export { DefinitionsService } from './definitions.service';
export { reimbursement } from './templates/reimbursement';

@Module({
  controllers: [DefinitionsController, InstancesController, TasksController],
  providers: [DefinitionsService, WorkflowService, WorkflowQueries, WorkflowRows],
  exports: [DefinitionsService],
})
export class WorkflowModule {}
