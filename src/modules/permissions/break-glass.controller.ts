import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { ZodResponse } from 'nestjs-zod';
import { type Actor, CurrentActor, RequirePermission, SignedIn } from '../../access';
import { BreakGlassPage, BreakGlassResponse, ListBreakGlassQuery, ListOpeningsQuery, OpenBreakGlass, OpeningPage, OpeningResponse, SealBreakGlass } from './break-glass.dto';
import { BreakGlassService } from './break-glass.service';
import { IdParam } from './permissions.dto';

@ApiTags('permissions')
@Controller()
export class BreakGlassController {
  constructor(private readonly breakGlass: BreakGlassService) {}

  @Get('break-glass')
  @ApiOperation({ summary: 'List access prepared for emergencies', description: 'What you may open; all of it with `permission:read`.' })
  @SignedIn()
  @ZodResponse({ type: BreakGlassPage, status: 200 })
  list(@CurrentActor() actor: Actor, @Query() query: ListBreakGlassQuery) {
    return this.breakGlass.list(actor, query);
  }

  @Post('break-glass')
  @ApiOperation({ summary: 'Prepare access for emergencies', description: 'A role you hold, for another person or a post to take by themselves when it is needed.' })
  @RequirePermission('grant:write')
  @ZodResponse({ type: BreakGlassResponse, status: 201 })
  seal(@CurrentActor() actor: Actor, @Body() input: SealBreakGlass) {
    return this.breakGlass.seal(actor, input);
  }

  @Delete('break-glass/:id')
  @ApiOperation({ summary: 'Withdraw it', description: 'It stays readable, and can no longer be opened.' })
  @HttpCode(204)
  @RequirePermission('grant:write')
  withdraw(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
    return this.breakGlass.withdraw(actor, id);
  }

  @Post('break-glass/:id/openings')
  @ApiOperation({ summary: 'Take the role now, for some minutes', description: 'Effective with the answer, audited, counted and logged as a warning.' })
  @SignedIn()
  @ZodResponse({ type: OpeningResponse, status: 201 })
  open(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: OpenBreakGlass) {
    return this.breakGlass.open(actor, id, input);
  }

  @Get('break-glass-openings')
  @ApiOperation({ summary: 'List what was opened', description: 'Your own; everybody’s with `permission:read`.' })
  @SignedIn()
  @ZodResponse({ type: OpeningPage, status: 200 })
  openings(@CurrentActor() actor: Actor, @Query() query: ListOpeningsQuery) {
    return this.breakGlass.openings(actor, query);
  }

  @Delete('break-glass-openings/:id')
  @ApiOperation({ summary: 'Close it before its time' })
  @HttpCode(204)
  @SignedIn()
  close(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
    return this.breakGlass.close(actor, id);
  }

  @Post('break-glass-openings/:id/review')
  @ApiOperation({ summary: 'Note that you have looked at it', description: 'Anybody who may write grants, but whoever opened it.' })
  @HttpCode(200)
  @RequirePermission('grant:write')
  @ZodResponse({ type: OpeningResponse, status: 200 })
  review(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
    return this.breakGlass.review(actor, id);
  }
}
