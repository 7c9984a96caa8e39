import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { ZodResponse } from 'nestjs-zod';
import { type Actor, CurrentActor, RequirePermission } from '../../access';
import { Etagged, IfMatch, TakesIfMatch } from '../../http';
import { CreateSodSet, IdParam, ListSodSetsQuery, SodSetPage, SodSetResponse, UpdateSodSet } from './permissions.dto';
import { SeparationOfDuty } from './separation-of-duty.service';

@ApiTags('permissions')
@Controller()
export class SeparationOfDutyController {
  constructor(private readonly separation: SeparationOfDuty) {}

  @Get('separation-of-duty')
  @ApiOperation({ summary: 'List sets of separation of duty' })
  @RequirePermission('permission:read')
  @ZodResponse({ type: SodSetPage, status: 200 })
  list(@CurrentActor() actor: Actor, @Query() query: ListSodSetsQuery) {
    return this.separation.list(actor, query);
  }

  @Post('separation-of-duty')
  @ApiOperation({ summary: 'Keep duties apart', description: 'Static: roles nobody may hold at the same time. Dynamic: permissions nobody may use on the same request.' })
  @Etagged()
  @RequirePermission('role:write')
  @ZodResponse({ type: SodSetResponse, status: 201 })
  create(@CurrentActor() actor: Actor, @Body() input: CreateSodSet) {
    return this.separation.create(actor, input);
  }

  @Get('separation-of-duty/:id')
  @ApiOperation({ summary: 'Read a set' })
  @Etagged()
  @RequirePermission('permission:read')
  @ZodResponse({ type: SodSetResponse, status: 200 })
  get(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
    return this.separation.get(actor, id);
  }

  @Patch('separation-of-duty/:id')
  @ApiOperation({ summary: 'Change a set', description: 'Based on what was read: If-Match, or its `version`.' })
  @TakesIfMatch()
  @Etagged()
  @RequirePermission('role:write')
  @ZodResponse({ type: SodSetResponse, status: 200 })
  update(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: UpdateSodSet, @IfMatch() ifMatch: string | undefined) {
    return this.separation.update(actor, id, input, ifMatch);
  }

  @Delete('separation-of-duty/:id')
  @ApiOperation({ summary: 'Delete a set' })
  @TakesIfMatch()
  @HttpCode(204)
  @RequirePermission('role:write')
  remove(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @IfMatch() ifMatch: string | undefined) {
    return this.separation.remove(actor, id, ifMatch);
  }
}
