import { Body, Controller, Get, Header, HttpCode, Post, Req } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Throttle } from '@nestjs/throttler';
import type { Request } from 'express';
import { ZodResponse } from 'nestjs-zod';
import { Public } from '../../access';
import { contextOf } from '../../http';
import { MailDecisionMadeResponse, MailDecisionShownResponse, MakeMailDecision, ShowMailDecision } from './mail-decisions.dto';
import { MAIL_DECISION_PAGE, MAIL_DECISION_POLICY } from './mail-decisions.page';
import { MailDecisionsService } from './mail-decisions.service';

/** Where links in mails lead. Nobody signs in: the token says whose decision it is. */
@ApiTags('workflow')
@Throttle({ default: { limit: 60, ttl: 60_000 } })
@Controller('mail-decisions')
export class MailDecisionsController {
  constructor(private readonly deciding: MailDecisionsService) {}

  @Get()
  @Public()
  @ApiOperation({ summary: 'The page links in mails lead to', description: 'The same for everybody, and decides nothing.' })
  @ApiOkResponse({ content: { 'text/html': { schema: { type: 'string' } } } })
  @Header('Content-Type', 'text/html; charset=utf-8')
  @Header('Content-Security-Policy', MAIL_DECISION_POLICY)
  page(): string {
    return MAIL_DECISION_PAGE;
  }

  @Post('shown')
  @Public()
  @ApiOperation({ summary: 'What a link from a mail asks for' })
  @HttpCode(200)
  @ZodResponse({ type: MailDecisionShownResponse, status: 200 })
  show(@Req() request: Request, @Body() { token }: ShowMailDecision) {
    return this.deciding.show(token, contextOf(request));
  }

  @Post()
  @Public()
  @ApiOperation({ summary: 'Decides a step by a link from a mail', description: 'Once; the same again answers the same.' })
  @HttpCode(200)
  @ZodResponse({ type: MailDecisionMadeResponse, status: 200 })
  decide(@Req() request: Request, @Body() input: MakeMailDecision) {
    return this.deciding.decide(input, contextOf(request));
  }
}
