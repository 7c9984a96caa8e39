import { Body, Controller, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { ZodResponse } from 'nestjs-zod';
import { type Actor, CurrentActor, RequirePermission, SignedIn } from '../../access';
import { DefinitionsService } from './definitions.service';
import {
  CreateInstance, DefinitionPage, DefinitionResponse, HistoryResponse, IdParam, InboxPage, InboxQuery, InstancePage, InstanceResponse, KeyParam, ListDefinitionsQuery,
  ListInstancesQuery, PublishDefinition, Reason, Remark, SaveDraft, SubmitInstance, Withdrawal,
} from './workflow.dto';
import { WorkflowQueries } from './workflow.queries';
import { WorkflowService } from './workflow.service';

@ApiTags('workflow')
@Controller('workflow/definitions')
export class DefinitionsController {
  constructor(private readonly definitions: DefinitionsService) {}

  @Get()
  @SignedIn()
  @ZodResponse({ type: DefinitionPage, status: 200 })
  list(@CurrentActor() actor: Actor, @Query() query: ListDefinitionsQuery) {
    return this.definitions.list(actor, query);
  }

  /** Publishes a version; what is wrong with a document is answered with its place. */
  @Post()
  @RequirePermission('workflow:publish')
  @ZodResponse({ type: DefinitionResponse, status: 201 })
  publish(@CurrentActor() actor: Actor, @Body() input: PublishDefinition) {
    return this.definitions.publish(actor, input.document);
  }

  /** The newest version of a definition. */
  @Get(':key')
  @SignedIn()
  @ZodResponse({ type: DefinitionResponse, status: 200 })
  get(@CurrentActor() actor: Actor, @Param() { key }: KeyParam) {
    return this.definitions.newest(actor, key);
  }
}

@ApiTags('workflow')
@Controller('workflow/instances')
export class InstancesController {
  constructor(
    private readonly workflow: WorkflowService,
    private readonly queries: WorkflowQueries,
  ) {}

  @Get()
  @RequirePermission('workflow:read')
  @ZodResponse({ type: InstancePage, status: 200 })
  list(@CurrentActor() actor: Actor, @Query() query: ListInstancesQuery) {
    return this.queries.list(actor, query);
  }

  /** Files a request: a draft, or submitted at once. */
  @Post()
  @RequirePermission('workflow:submit')
  @ZodResponse({ type: InstanceResponse, status: 201 })
  create(@CurrentActor() actor: Actor, @Body() input: CreateInstance) {
    return this.workflow.create(actor, input);
  }

  @Get(':id')
  @SignedIn()
  @ZodResponse({ type: InstanceResponse, status: 200 })
  get(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
    return this.queries.get(actor, id);
  }

  @Get(':id/history')
  @SignedIn()
  @ZodResponse({ type: HistoryResponse, status: 200 })
  history(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
    return this.queries.history(actor, id);
  }

  /** Changes what is filled in while nobody is deciding on it. */
  @Put(':id/form')
  @RequirePermission('workflow:submit')
  @ZodResponse({ type: InstanceResponse, status: 200 })
  save(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: SaveDraft) {
    return this.workflow.save(actor, id, input);
  }

  @Post(':id/submit')
  @HttpCode(200)
  @RequirePermission('workflow:submit')
  @ZodResponse({ type: InstanceResponse, status: 200 })
  submit(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: SubmitInstance) {
    return this.workflow.submit(actor, id, input);
  }

  @Post(':id/withdraw')
  @HttpCode(200)
  @RequirePermission('workflow:submit')
  @ZodResponse({ type: InstanceResponse, status: 200 })
  withdraw(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: Withdrawal) {
    return this.workflow.withdraw(actor, id, input.comment);
  }
}

@ApiTags('workflow')
@Controller()
export class TasksController {
  constructor(
    private readonly workflow: WorkflowService,
    private readonly queries: WorkflowQueries,
  ) {}

  /** What waits for the caller, oldest first, and why it is theirs. */
  @Get('me/tasks')
  @SignedIn()
  @ZodResponse({ type: InboxPage, status: 200 })
  inbox(@CurrentActor() actor: Actor, @Query() query: InboxQuery) {
    return this.queries.inbox(actor, query);
  }

  @Post('workflow/tasks/:id/approve')
  @HttpCode(200)
  @RequirePermission('workflow:approve')
  @ZodResponse({ type: InstanceResponse, status: 200 })
  approve(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: Remark) {
    return this.workflow.decide(actor, id, 'approve', input);
  }

  /** Refuses for good. */
  @Post('workflow/tasks/:id/reject')
  @HttpCode(200)
  @RequirePermission('workflow:approve')
  @ZodResponse({ type: InstanceResponse, status: 200 })
  reject(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: Reason) {
    return this.workflow.decide(actor, id, 'reject', input);
  }

  /** Sends back to the initiator, who may change it and submit again. */
  @Post('workflow/tasks/:id/return')
  @HttpCode(200)
  @SignedIn()
  @ZodResponse({ type: InstanceResponse, status: 200 })
  sendBack(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: Reason) {
    return this.workflow.decide(actor, id, 'return', input);
  }

  /** Reports a step done that another system carries out. */
  @Post('workflow/tasks/:id/complete')
  @HttpCode(200)
  @RequirePermission('workflow:complete')
  @ZodResponse({ type: InstanceResponse, status: 200 })
  complete(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: Remark) {
    return this.workflow.decide(actor, id, 'complete', input);
  }
}
