import { Controller, Get, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { ZodResponse } from 'nestjs-zod';
import { type Actor, CurrentActor, RequirePermission } from '../../access';
import { EventPage, ListEventsQuery } from './audit.dto';
import { AuditQueries } from './audit.queries';

@ApiTags('audit')
@Controller('audit/events')
export class AuditController {
  constructor(private readonly queries: AuditQueries) {}

  @Get()
  @ApiOperation({ summary: 'What happened, newest first' })
  @RequirePermission('audit:read')
  @ZodResponse({ type: EventPage, status: 200 })
  list(@CurrentActor() actor: Actor, @Query() query: ListEventsQuery) {
    return this.queries.list(actor, query);
  }
}
