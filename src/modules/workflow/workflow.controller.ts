import { Body, Controller, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { ZodResponse } from 'nestjs-zod';
import { type Actor, CurrentActor, RequirePermission, SignedIn } from '../../access';
import { SvgResponse } from '../../http';
import { BulkService } from './bulk.service';
import { definitionSchema } from './definition';
import { DefinitionsService } from './definitions.service';
import { readDefinition } from './gate';
import { PreviewService } from './preview.service';
import { TEMPLATES } from './templates';
import {
  BulkDecisions, BulkResults, CreateInstance, DefinitionCheck, DefinitionPage, DefinitionResponse, Flowchart, HistoryResponse, IdParam, InboxPage, InboxQuery, InstancePage, InstanceResponse, JsonSchema, KeyParam, ListDefinitionsQuery,
  ListInstancesQuery, PreviewInstance, PreviewResponse, PublishDefinition, Reason, Remark, SaveDraft, SendBack, SubmitInstance, TemplateList, Withdrawal,
} from './workflow.dto';
import { WorkflowQueries } from './workflow.queries';
import { WorkflowService } from './workflow.service';

@ApiTags('workflow')
@Controller('workflow/definitions')
export class DefinitionsController {
  constructor(private readonly definitions: DefinitionsService) {}

  @Get()
  @ApiOperation({ summary: 'List the newest versions of definitions first' })
  @SignedIn()
  @ZodResponse({ type: DefinitionPage, status: 200 })
  list(@CurrentActor() actor: Actor, @Query() query: ListDefinitionsQuery) {
    return this.definitions.list(actor, query);
  }

  @Post()
  @ApiOperation({ summary: 'Publishes a version', description: 'What is wrong with a document is answered with its place.' })
  @RequirePermission('workflow:publish')
  @ZodResponse({ type: DefinitionResponse, status: 201 })
  publish(@CurrentActor() actor: Actor, @Body() input: PublishDefinition) {
    return this.definitions.publish(actor, input.document);
  }

  @Post('check')
  @ApiOperation({ summary: 'What publishing this would say', description: 'Everything that is wrong with a document, each with its place; nothing is written.' })
  @HttpCode(200)
  @RequirePermission('workflow:publish')
  @ZodResponse({ type: DefinitionCheck, status: 200 })
  check(@Body() input: PublishDefinition) {
    return { problems: readDefinition(input.document).problems };
  }

  @Get('schema')
  @ApiOperation({ summary: 'What a document of a definition looks like, as JSON Schema', description: 'For editors; what a schema cannot say is checked when it is published.' })
  @SignedIn()
  @ZodResponse({ type: JsonSchema, status: 200 })
  schema() {
    return definitionSchema;
  }

  @Get(':key')
  @ApiOperation({ summary: 'The newest version of a definition' })
  @SignedIn()
  @ZodResponse({ type: DefinitionResponse, status: 200 })
  get(@CurrentActor() actor: Actor, @Param() { key }: KeyParam) {
    return this.definitions.newest(actor, key);
  }
}

@ApiTags('workflow')
@Controller('workflow')
export class PicturesController {
  constructor(private readonly queries: WorkflowQueries) {}

  @Get('definitions/:key/picture.svg')
  @ApiOperation({ summary: 'A definition as a picture, in the caller’s language' })
  @SvgResponse()
  @SignedIn()
  definition(@CurrentActor() actor: Actor, @Param() { key }: KeyParam) {
    return this.queries.pictureOf(actor, key);
  }

  @Get('definitions/:key/flowchart')
  @ApiOperation({ summary: 'A definition as a Mermaid flowchart, in the caller’s language' })
  @SignedIn()
  @ZodResponse({ type: Flowchart, status: 200 })
  flowchart(@CurrentActor() actor: Actor, @Param() { key }: KeyParam) {
    return this.queries.flowchartOf(actor, key);
  }

  @Get('instances/:id/picture.svg')
  @ApiOperation({ summary: 'A request as a picture: its definition, with what waits and what has been answered' })
  @SvgResponse()
  @SignedIn()
  instance(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
    return this.queries.picture(actor, id);
  }
}

@ApiTags('workflow')
@Controller('workflow/templates')
export class TemplatesController {
  @Get()
  @ApiOperation({ summary: 'The definitions a foundation starts with, to publish again or to begin one’s own from' })
  @SignedIn()
  @ZodResponse({ type: TemplateList, status: 200 })
  list() {
    return { items: TEMPLATES.map((document) => ({ key: document.key, title: document.title, document: document as unknown as Record<string, unknown> })) };
  }
}

@ApiTags('workflow')
@Controller('workflow/instances')
export class InstancesController {
  constructor(
    private readonly workflow: WorkflowService,
    private readonly previews: PreviewService,
    private readonly queries: WorkflowQueries,
  ) {}

  @Get()
  @ApiOperation({ summary: 'List requests the caller may see, newest first' })
  @RequirePermission('workflow:read')
  @ZodResponse({ type: InstancePage, status: 200 })
  list(@CurrentActor() actor: Actor, @Query() query: ListInstancesQuery) {
    return this.queries.list(actor, query);
  }

  @Post()
  @ApiOperation({ summary: 'Files a request: a draft, or submitted at once' })
  @RequirePermission('workflow:submit')
  @ZodResponse({ type: InstanceResponse, status: 201 })
  create(@CurrentActor() actor: Actor, @Body() input: CreateInstance) {
    return this.workflow.create(actor, input);
  }

  @Post('preview')
  @ApiOperation({ summary: 'Who would have to decide a request filled in like this, and in what order', description: 'If everybody approves, and as things stand now. Nothing is written.' })
  @HttpCode(200)
  @RequirePermission('workflow:submit')
  @ZodResponse({ type: PreviewResponse, status: 200 })
  preview(@CurrentActor() actor: Actor, @Body() input: PreviewInstance) {
    return this.previews.preview(actor, input);
  }

  @Get(':id')
  @ApiOperation({ summary: 'Read one request' })
  @SignedIn()
  @ZodResponse({ type: InstanceResponse, status: 200 })
  get(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
    return this.queries.get(actor, id);
  }

  @Get(':id/history')
  @ApiOperation({ summary: 'Read what happened to a request' })
  @SignedIn()
  @ZodResponse({ type: HistoryResponse, status: 200 })
  history(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
    return this.queries.history(actor, id);
  }

  @Put(':id/form')
  @ApiOperation({ summary: 'Changes what is filled in while nobody is deciding on it' })
  @RequirePermission('workflow:submit')
  @ZodResponse({ type: InstanceResponse, status: 200 })
  save(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: SaveDraft) {
    return this.workflow.save(actor, id, input);
  }

  @Post(':id/submit')
  @ApiOperation({ summary: 'Submit, or submit again after it was returned or withdrawn' })
  @HttpCode(200)
  @RequirePermission('workflow:submit')
  @ZodResponse({ type: InstanceResponse, status: 200 })
  submit(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: SubmitInstance) {
    return this.workflow.submit(actor, id, input);
  }

  @Post(':id/withdraw')
  @ApiOperation({ summary: 'Withdraw', description: 'It can be submitted again.' })
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
    private readonly bulk: BulkService,
    private readonly queries: WorkflowQueries,
  ) {}

  @Get('me/tasks')
  @ApiOperation({ summary: 'What waits for the caller, oldest first, and why it is theirs' })
  @SignedIn()
  @ZodResponse({ type: InboxPage, status: 200 })
  inbox(@CurrentActor() actor: Actor, @Query() query: InboxQuery) {
    return this.queries.inbox(actor, query);
  }

  @Post('workflow/tasks/decisions')
  @ApiOperation({ summary: 'Up to 200 decisions at once', description: 'Each as if it had come alone, with a result of its own; what one is refused for keeps no other from being decided.' })
  @HttpCode(200)
  @SignedIn()
  @ZodResponse({ type: BulkResults, status: 200 })
  async decisions(@CurrentActor() actor: Actor, @Body() input: BulkDecisions) {
    return { items: await this.bulk.decide(actor, input.items) };
  }

  @Post('workflow/tasks/:id/approve')
  @ApiOperation({ summary: 'Approve a step' })
  @HttpCode(200)
  @RequirePermission('workflow:approve')
  @ZodResponse({ type: InstanceResponse, status: 200 })
  approve(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: Remark) {
    return this.workflow.decide(actor, id, 'approve', input);
  }

  @Post('workflow/tasks/:id/abstain')
  @ApiOperation({ summary: 'Is neither for nor against, where the step lets its candidates' })
  @HttpCode(200)
  @RequirePermission('workflow:approve')
  @ZodResponse({ type: InstanceResponse, status: 200 })
  abstain(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: Remark) {
    return this.workflow.decide(actor, id, 'abstain', input);
  }

  @Post('workflow/tasks/:id/reject')
  @ApiOperation({ summary: 'Is against it', description: 'Ends the request, where it decides the step and the definition leads nowhere else.' })
  @HttpCode(200)
  @RequirePermission('workflow:approve')
  @ZodResponse({ type: InstanceResponse, status: 200 })
  reject(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: Reason) {
    return this.workflow.decide(actor, id, 'reject', input);
  }

  @Post('workflow/tasks/:id/return')
  @ApiOperation({ summary: 'Sends back to the initiator, who may change it and submit again, or to an earlier step' })
  @HttpCode(200)
  @SignedIn()
  @ZodResponse({ type: InstanceResponse, status: 200 })
  sendBack(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: SendBack) {
    return this.workflow.decide(actor, id, 'return', input);
  }

  @Post('workflow/tasks/:id/complete')
  @ApiOperation({ summary: 'Reports a step done that another system carries out' })
  @HttpCode(200)
  @RequirePermission('workflow:complete')
  @ZodResponse({ type: InstanceResponse, status: 200 })
  complete(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: Remark) {
    return this.workflow.decide(actor, id, 'complete', input);
  }
}
