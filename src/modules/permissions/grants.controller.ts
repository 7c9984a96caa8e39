import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { ZodResponse } from 'nestjs-zod';
import { type Actor, CurrentActor, RequirePermission } from '../../access';
import { Etagged, IfMatch, TakesIfMatch } from '../../http';
import { GrantsService } from './grants.service';
import { AssignmentPage, AssignmentResponse, CreateAssignment, CreateGrant, GrantPage, GrantResponse, IdParam, ListAssignmentsQuery, ListGrantsQuery, UpdateGrant } from './permissions.dto';

@ApiTags('permissions')
@Controller()
export class GrantsController {
  constructor(private readonly grants: GrantsService) {}

  @Get('grants')
  @ApiOperation({ summary: 'List grants' })
  @RequirePermission('permission:read')
  @ZodResponse({ type: GrantPage, status: 200 })
  list(@CurrentActor() actor: Actor, @Query() query: ListGrantsQuery) {
    return this.grants.listGrants(actor, query);
  }

  @Post('grants')
  @ApiOperation({ summary: 'Allows or denies something', description: 'Effective with the answer, never more than the caller holds.' })
  @Etagged()
  @RequirePermission('grant:write')
  @ZodResponse({ type: GrantResponse, status: 201 })
  create(@CurrentActor() actor: Actor, @Body() input: CreateGrant) {
    return this.grants.createGrant(actor, input);
  }

  @Get('grants/:id')
  @ApiOperation({ summary: 'Read a grant' })
  @Etagged()
  @RequirePermission('permission:read')
  @ZodResponse({ type: GrantResponse, status: 200 })
  get(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
    return this.grants.getGrant(actor, id);
  }

  @Patch('grants/:id')
  @ApiOperation({ summary: 'Move a grant’s end, or correct its reason', description: 'Effective with the answer. Anything else is another grant: revoke this one.' })
  @TakesIfMatch()
  @Etagged()
  @RequirePermission('grant:write')
  @ZodResponse({ type: GrantResponse, status: 200 })
  update(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: UpdateGrant, @IfMatch() ifMatch: string | undefined) {
    return this.grants.updateGrant(actor, id, input, ifMatch);
  }

  @Delete('grants/:id')
  @ApiOperation({ summary: 'Revoke a grant', description: 'Effective with the answer.' })
  @TakesIfMatch()
  @HttpCode(204)
  @RequirePermission('grant:write')
  revoke(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @IfMatch() ifMatch: string | undefined) {
    return this.grants.revokeGrant(actor, id, ifMatch);
  }

  @Get('role-assignments')
  @ApiOperation({ summary: 'List role assignments' })
  @RequirePermission('permission:read')
  @ZodResponse({ type: AssignmentPage, status: 200 })
  listAssignments(@CurrentActor() actor: Actor, @Query() query: ListAssignmentsQuery) {
    return this.grants.listAssignments(actor, query);
  }

  @Post('role-assignments')
  @ApiOperation({ summary: 'Give a role to a person or a position' })
  @RequirePermission('grant:write')
  @ZodResponse({ type: AssignmentResponse, status: 201 })
  assign(@CurrentActor() actor: Actor, @Body() input: CreateAssignment) {
    return this.grants.assign(actor, input);
  }

  @Delete('role-assignments/:id')
  @ApiOperation({ summary: 'Take a role away' })
  @HttpCode(204)
  @RequirePermission('grant:write')
  unassign(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
    return this.grants.unassign(actor, id);
  }
}
