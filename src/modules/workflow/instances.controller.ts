import { Body, Controller, Delete, Get, Header, HttpCode, Param, Post, Put, Query, StreamableFile } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { ZodResponse } from 'nestjs-zod';
import { SvgResponse } from '../../http';
import { type Actor, CurrentActor, RequirePermission, SignedIn } from '../../access';
import { AdministrationService } from './administration.service';
import { AttachmentsService } from './attachments.service';
import { ConversationService } from './conversation.service';
import { DecisionsService } from './decisions.service';
import { PreviewService } from './preview.service';
import {
  Attach, AttachmentParam, AttachmentResponse, AttachmentsResponse, CommentPage, CommentResponse, CopiedIn, CopyIn, CreateInstance, Explanation, ExportInstancesQuery, HistoryResponse, LeaveAskedResponse, IdParam, InstancePage, InstanceResponse, ListCommentsQuery, ListInstancesQuery, PeopleResponse, PreviewInstance, PreviewResponse, SaveDraft, StatisticsQuery, StatisticsResponse, SubmitInstance,
  TimelineResponse, WatcherParam, Withdrawal, WriteComment,
} from './workflow.dto';
import { TimelineService } from './timeline.service';
import { StatisticsService } from './statistics.service';
import { ExportService } from './export.service';
import { WorkflowQueries } from './workflow.queries';
import { WorkflowService } from './workflow.service';

@ApiTags('workflow')
@Controller('workflow/instances')
export class InstancesController {
  constructor(
    private readonly workflow: WorkflowService,
    private readonly decisions: DecisionsService,
    private readonly administration: AdministrationService,
    private readonly conversation: ConversationService,
    private readonly attachments: AttachmentsService,
    private readonly previews: PreviewService,
    private readonly queries: WorkflowQueries,
    private readonly exports: ExportService,
    private readonly figures: StatisticsService,
    private readonly timelines: TimelineService,
  ) {}

  @Get()
  @ApiOperation({ summary: 'List requests the caller may see, newest first' })
  @RequirePermission('workflow:read')
  @ZodResponse({ type: InstancePage, status: 200 })
  list(@CurrentActor() actor: Actor, @Query() query: ListInstancesQuery) {
    return this.queries.list(actor, query);
  }

  @Get('statistics')
  @ApiOperation({ summary: 'How long requests take, where they wait and how many are sent back', description: 'Of those the caller may see. Hours by the clock, of requests completed and steps answered.' })
  @RequirePermission('workflow:read')
  @ZodResponse({ type: StatisticsResponse, status: 200 })
  statistics(@CurrentActor() actor: Actor, @Query() query: StatisticsQuery) {
    return this.figures.of(actor, query);
  }

  @Get('export.csv')
  @ApiOperation({ summary: 'The same list for a spreadsheet', description: 'CSV in UTF-8, at most 50,000 requests; of one kind (`key`) with a column for each field. On record.' })
  @ApiOkResponse({ content: { 'text/csv': { schema: { type: 'string' } } } })
  @Header('Content-Type', 'text/csv; charset=utf-8')
  @Header('Content-Disposition', 'attachment; filename="requests.csv"')
  @RequirePermission('workflow:read')
  async exportCsv(@CurrentActor() actor: Actor, @Query() query: ExportInstancesQuery): Promise<StreamableFile> {
    return new StreamableFile(await this.exports.csv(actor, query));
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

  @Get(':id/leave')
  @ApiOperation({ summary: 'What leave a request asks for, and how much is left' })
  @SignedIn()
  @ZodResponse({ type: LeaveAskedResponse, status: 200 })
  leave(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
    return this.queries.leave(actor, id);
  }

  @Get(':id/timeline')
  @ApiOperation({ summary: 'What happened to a request, was said of it and added to it, in sentences' })
  @SignedIn()
  @ZodResponse({ type: TimelineResponse, status: 200 })
  timeline(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
    return this.timelines.of(actor, id);
  }

  @Get(':id/timeline.svg')
  @ApiOperation({ summary: 'The same as a picture' })
  @SvgResponse()
  @SignedIn()
  timelinePicture(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
    return this.timelines.picture(actor, id);
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

  @Post(':id/take-back')
  @ApiOperation({ summary: 'Takes back the answer the caller gave last', description: 'While nothing has happened since, within the minutes the definition allows; all is as it was before.' })
  @HttpCode(200)
  @SignedIn()
  @ZodResponse({ type: InstanceResponse, status: 200 })
  takeBack(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: Withdrawal) {
    return this.decisions.takeBack(actor, id, input.comment);
  }

  @Post(':id/suspend')
  @ApiOperation({ summary: 'Halts a request', description: 'Nothing can be answered until it is resumed.' })
  @HttpCode(200)
  @RequirePermission('workflow:administer')
  @ZodResponse({ type: InstanceResponse, status: 200 })
  suspend(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: Explanation) {
    return this.administration.change(actor, id, 'suspend', input.comment);
  }

  @Post(':id/resume')
  @ApiOperation({ summary: 'Lets a halted request go on' })
  @HttpCode(200)
  @RequirePermission('workflow:administer')
  @ZodResponse({ type: InstanceResponse, status: 200 })
  resume(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: Explanation) {
    return this.administration.change(actor, id, 'resume', input.comment);
  }

  @Post(':id/cancel')
  @ApiOperation({ summary: 'Ends a request for good' })
  @HttpCode(200)
  @RequirePermission('workflow:administer')
  @ZodResponse({ type: InstanceResponse, status: 200 })
  cancel(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: Explanation) {
    return this.administration.change(actor, id, 'cancel', input.comment);
  }

  @Get(':id/people')
  @ApiOperation({ summary: 'Who is asked at each open step and why, and who follows the request' })
  @SignedIn()
  @ZodResponse({ type: PeopleResponse, status: 200 })
  people(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
    return this.conversation.people(actor, id);
  }

  @Get(':id/comments')
  @ApiOperation({ summary: 'What has been said about a request, oldest first' })
  @SignedIn()
  @ZodResponse({ type: CommentPage, status: 200 })
  comments(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Query() query: ListCommentsQuery) {
    return this.conversation.comments(actor, id, query);
  }

  @Post(':id/comments')
  @ApiOperation({ summary: 'Says something about a request', description: 'By whoever filed it, is or was asked, follows or administers it. What was said stays.' })
  @SignedIn()
  @ZodResponse({ type: CommentResponse, status: 201 })
  comment(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: WriteComment) {
    return this.conversation.comment(actor, id, input);
  }

  @Get(':id/attachments')
  @ApiOperation({ summary: 'The files of a request, oldest first' })
  @SignedIn()
  @ZodResponse({ type: AttachmentsResponse, status: 200 })
  listAttachments(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
    return this.attachments.list(actor, id);
  }

  @Post(':id/attachments')
  @ApiOperation({ summary: 'Attaches a file', description: 'By whoever filed the request, is or was asked, follows or administers it; at most 20. Whoever may read the request may download it.' })
  @SignedIn()
  @ZodResponse({ type: AttachmentResponse, status: 201 })
  attach(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: Attach) {
    return this.attachments.attach(actor, id, input.file);
  }

  @Delete(':id/attachments/:file')
  @ApiOperation({ summary: 'Takes a file of one’s own from a draft', description: 'Once a request is submitted, its files stay.' })
  @HttpCode(204)
  @SignedIn()
  detach(@CurrentActor() actor: Actor, @Param() { id, file }: AttachmentParam) {
    return this.attachments.detach(actor, id, file);
  }

  @Post(':id/watchers')
  @ApiOperation({ summary: 'Copies somebody in', description: 'They see the request and hear of it.' })
  @SignedIn()
  @ZodResponse({ type: CopiedIn, status: 201 })
  copyIn(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: CopyIn) {
    return this.conversation.copyIn(actor, id, input.person);
  }

  @Delete(':id/watchers/:person')
  @ApiOperation({ summary: 'Lets somebody follow a request no longer' })
  @HttpCode(204)
  @SignedIn()
  copyOut(@CurrentActor() actor: Actor, @Param() { id, person }: WatcherParam) {
    return this.conversation.copyOut(actor, id, person);
  }
}
