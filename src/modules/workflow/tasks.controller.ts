import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { ZodResponse } from 'nestjs-zod';
import { type Actor, CurrentActor, RequirePermission, SignedIn } from '../../access';
import { AdministrationService } from './administration.service';
import { BulkService } from './bulk.service';
import { DecisionsService } from './decisions.service';
import { HandlingService } from './handling.service';
import { AddSignerInput, Answered, BulkDecisions, BulkResults, Explanation, Failed, HandOnInput, HandOverInput, IdParam, InboxPage, InboxQuery, InstanceResponse, NamePersonInput, Reason, Remark, SendBack } from './workflow.dto';
import { WorkflowQueries } from './workflow.queries';
import { WorkflowService } from './workflow.service';

@ApiTags('workflow')
@Controller()
export class TasksController {
  constructor(
    private readonly workflow: WorkflowService,
    private readonly deciding: DecisionsService,
    private readonly handling: HandlingService,
    private readonly administration: AdministrationService,
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
  approve(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: Answered) {
    return this.deciding.decide(actor, id, 'approve', input);
  }

  @Post('workflow/tasks/:id/abstain')
  @ApiOperation({ summary: 'Is neither for nor against, where the step lets its candidates' })
  @HttpCode(200)
  @RequirePermission('workflow:approve')
  @ZodResponse({ type: InstanceResponse, status: 200 })
  abstain(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: Remark) {
    return this.deciding.decide(actor, id, 'abstain', input);
  }

  @Post('workflow/tasks/:id/reject')
  @ApiOperation({ summary: 'Is against it', description: 'Ends the request, where it decides the step and the definition leads nowhere else.' })
  @HttpCode(200)
  @RequirePermission('workflow:approve')
  @ZodResponse({ type: InstanceResponse, status: 200 })
  reject(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: Reason) {
    return this.deciding.decide(actor, id, 'reject', input);
  }

  @Post('workflow/tasks/:id/return')
  @ApiOperation({ summary: 'Sends back to the initiator, who may change it and submit again, or to an earlier step' })
  @HttpCode(200)
  @SignedIn()
  @ZodResponse({ type: InstanceResponse, status: 200 })
  sendBack(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: SendBack) {
    return this.deciding.decide(actor, id, 'return', input);
  }

  @Post('workflow/tasks/:id/complete')
  @ApiOperation({ summary: 'Reports a step done: by another system that carries it out, or somebody who is asked to do it' })
  @HttpCode(200)
  @SignedIn()
  @ZodResponse({ type: InstanceResponse, status: 200 })
  complete(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: Answered) {
    return this.deciding.decide(actor, id, 'complete', input);
  }

  @Post('workflow/tasks/:id/fail')
  @ApiOperation({ summary: 'Reports that a step has failed that another system carries out', description: 'The request goes where the definition says for this code, or waits on, among the incidents.' })
  @HttpCode(200)
  @RequirePermission('workflow:complete')
  @ZodResponse({ type: InstanceResponse, status: 200 })
  fail(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: Failed) {
    return this.deciding.fail(actor, id, input);
  }

  @Post('workflow/tasks/:id/claim')
  @ApiOperation({ summary: 'Takes a step on', description: 'Until it is released nobody else answers it; where one answer is enough.' })
  @HttpCode(200)
  @SignedIn()
  @ZodResponse({ type: InstanceResponse, status: 200 })
  claim(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
    return this.handling.claim(actor, id);
  }

  @Post('workflow/tasks/:id/release')
  @ApiOperation({ summary: 'Lets others answer a step again', description: 'By who has claimed it, or who administers requests.' })
  @HttpCode(200)
  @SignedIn()
  @ZodResponse({ type: InstanceResponse, status: 200 })
  release(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
    return this.handling.release(actor, id);
  }

  @Post('workflow/tasks/:id/nudge')
  @ApiOperation({ summary: 'Reminds those a step waits for', description: 'By whoever filed the request, follows it, or administers requests; every four hours at most.' })
  @HttpCode(200)
  @SignedIn()
  @ZodResponse({ type: InstanceResponse, status: 200 })
  nudge(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
    return this.handling.nudge(actor, id);
  }

  @Post('workflow/tasks/:id/ask')
  @ApiOperation({ summary: 'Asks whoever filed it for information' })
  @HttpCode(200)
  @SignedIn()
  @ZodResponse({ type: InstanceResponse, status: 200 })
  ask(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: Explanation) {
    return this.handling.ask(actor, id, input.comment);
  }

  @Post('workflow/tasks/:id/answer')
  @ApiOperation({ summary: 'Gives the information that was asked for' })
  @HttpCode(200)
  @RequirePermission('workflow:submit')
  @ZodResponse({ type: InstanceResponse, status: 200 })
  answer(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: Explanation) {
    return this.workflow.answer(actor, id, input.comment);
  }

  @Post('workflow/tasks/:id/transfer')
  @ApiOperation({ summary: 'Hands one’s part in a step to somebody else, for good', description: 'With `from`, anybody’s, by who administers requests.' })
  @HttpCode(200)
  @SignedIn()
  @ZodResponse({ type: InstanceResponse, status: 200 })
  transfer(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: HandOverInput) {
    return this.handling.transfer(actor, id, input);
  }

  @Post('workflow/tasks/:id/delegate')
  @ApiOperation({ summary: 'Lets somebody decide in one’s place', description: 'Whichever of the two is first decides.' })
  @HttpCode(200)
  @SignedIn()
  @ZodResponse({ type: InstanceResponse, status: 200 })
  delegate(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: HandOnInput) {
    return this.handling.delegate(actor, id, input);
  }

  @Post('workflow/tasks/:id/undelegate')
  @ApiOperation({ summary: 'Lets somebody decide in one’s place no longer' })
  @HttpCode(200)
  @SignedIn()
  @ZodResponse({ type: InstanceResponse, status: 200 })
  undelegate(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: NamePersonInput) {
    return this.handling.undelegate(actor, id, input);
  }

  @Post('workflow/tasks/:id/add-signer')
  @ApiOperation({ summary: 'Asks for somebody’s decision as well' })
  @HttpCode(200)
  @SignedIn()
  @ZodResponse({ type: InstanceResponse, status: 200 })
  addSigner(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: AddSignerInput) {
    return this.handling.addSigner(actor, id, input);
  }

  @Post('workflow/tasks/:id/remove-signer')
  @ApiOperation({ summary: 'Asks somebody no longer', description: 'By who added them, or who administers requests.' })
  @HttpCode(200)
  @SignedIn()
  @ZodResponse({ type: InstanceResponse, status: 200 })
  removeSigner(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: NamePersonInput) {
    return this.handling.removeSigner(actor, id, input);
  }

  @Post('workflow/tasks/:id/skip')
  @ApiOperation({ summary: 'Goes on past a step as if it were approved', description: 'The history says that nobody decided it.' })
  @HttpCode(200)
  @RequirePermission('workflow:administer')
  @ZodResponse({ type: InstanceResponse, status: 200 })
  skip(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: Explanation) {
    return this.administration.skip(actor, id, input.comment);
  }
}
