import { Body, Controller, Get, Header, HttpCode, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { ZodResponse } from 'nestjs-zod';
import { type Actor, CurrentActor, Public, SignedIn } from '../../access';
import { ActionSearchAnswer, ActionSearchInput, AuthzenMetadata, EntitySearchAnswer, EvaluationAnswer, EvaluationInput, EvaluationsAnswer, EvaluationsInput, ResourceSearchInput, SubjectSearchInput } from './authzen.dto';
import { AuthzenService } from './authzen.service';

/** OpenID AuthZEN Authorization API 1.0, for other applications of the foundation. */
@ApiTags('authzen')
@Controller()
export class AuthzenController {
  constructor(private readonly authzen: AuthzenService) {}

  @Get('.well-known/authzen-configuration')
  @ApiOperation({ summary: 'Where the endpoints are', description: 'AuthZEN Policy Decision Point Metadata, for anybody.' })
  @Public()
  @Header('Cache-Control', 'public, max-age=3600')
  @ZodResponse({ type: AuthzenMetadata, status: 200 })
  metadata() {
    return this.authzen.metadata();
  }

  @Post('access/v1/evaluation')
  @ApiOperation({ summary: 'May a subject do this with a resource?', description: 'AuthZEN Access Evaluation. About others than oneself: `permission:check`.' })
  @HttpCode(200)
  @SignedIn()
  @ZodResponse({ type: EvaluationAnswer, status: 200 })
  evaluation(@CurrentActor() actor: Actor, @Body() input: EvaluationInput) {
    return this.authzen.evaluate(actor, input);
  }

  @Post('access/v1/evaluations')
  @ApiOperation({ summary: 'Up to 1,000 such questions, with defaults', description: 'AuthZEN Access Evaluations; `options.evaluations_semantic` says whether the first deny or permit ends it.' })
  @HttpCode(200)
  @SignedIn()
  @ZodResponse({ type: EvaluationsAnswer, status: 200 })
  evaluations(@CurrentActor() actor: Actor, @Body() input: EvaluationsInput) {
    return this.authzen.evaluations(actor, input);
  }

  @Post('access/v1/search/subject')
  @ApiOperation({ summary: 'Who may do this with a resource?', description: 'AuthZEN Subject Search, for subjects of type `person` or `user`. Needs `permission:check`.' })
  @HttpCode(200)
  @SignedIn()
  @ZodResponse({ type: EntitySearchAnswer, status: 200 })
  subjects(@CurrentActor() actor: Actor, @Body() input: SubjectSearchInput) {
    return this.authzen.searchSubjects(actor, input);
  }

  @Post('access/v1/search/resource')
  @ApiOperation({ summary: 'Which rows may a subject do this with?', description: 'AuthZEN Resource Search, for the kinds of rows kept here.' })
  @HttpCode(200)
  @SignedIn()
  @ZodResponse({ type: EntitySearchAnswer, status: 200 })
  resources(@CurrentActor() actor: Actor, @Body() input: ResourceSearchInput) {
    return this.authzen.searchResources(actor, input);
  }

  @Post('access/v1/search/action')
  @ApiOperation({ summary: 'What may a subject do with a resource?', description: 'AuthZEN Action Search.' })
  @HttpCode(200)
  @SignedIn()
  @ZodResponse({ type: ActionSearchAnswer, status: 200 })
  actions(@CurrentActor() actor: Actor, @Body() input: ActionSearchInput) {
    return this.authzen.searchActions(actor, input);
  }
}
