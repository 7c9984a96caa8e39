import { Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { ZodResponse } from 'nestjs-zod';
import { type Actor, CurrentActor, RequirePermission } from '../../access';
import { IncidentsService } from './incidents.service';
import { IdParam, IncidentPage, IncidentRetried, ListIncidentsQuery } from './workflow.dto';

@ApiTags('workflow')
@Controller('workflow/incidents')
export class IncidentsController {
  constructor(private readonly incidents: IncidentsService) {}

  @Get()
  @ApiOperation({ summary: 'Where requests should have gone on by themselves and could not, and what is in the way', description: 'Each is tried again by and by; it is gone when it could, or when somebody skipped, handed on or cancelled what was in the way.' })
  @RequirePermission('workflow:administer')
  @ZodResponse({ type: IncidentPage, status: 200 })
  list(@CurrentActor() actor: Actor, @Query() query: ListIncidentsQuery) {
    return this.incidents.list(actor, query);
  }

  @Post(':id/retry')
  @ApiOperation({ summary: 'Tries it again at once' })
  @HttpCode(200)
  @RequirePermission('workflow:administer')
  @ZodResponse({ type: IncidentRetried, status: 200 })
  retry(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
    return this.incidents.retry(actor, id);
  }
}
