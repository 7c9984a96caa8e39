import { Body, Controller, Delete, Get, Header, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { ZodResponse } from 'nestjs-zod';
import { type Actor, CurrentActor, RequirePermission, SignedIn } from '../../access';
import { DelegationsService } from './delegations.service';
import { GrantsService } from './grants.service';
import {
  AssignmentPage, AssignmentResponse, BatchCheckInput, BatchCheckResult, CheckInput, CheckResult, CreateAssignment, CreateDelegation, CreateGrant, CreateRole, CreateSodSet, DelegationPage, DelegationResponse, GrantPage, GrantResponse, IdParam,
  ListAssignmentsQuery, ListDelegationsQuery, ListGrantsQuery, ListSodSetsQuery, ListRolesQuery, MyPermissions, PermissionList, RolePage, RoleResponse, SodSetPage, SodSetResponse, UpdateRole, UpdateSodSet,
} from './permissions.dto';
import { PermissionsQueries } from './permissions.queries';
import { RolesService } from './roles.service';
import { SeparationOfDuty } from './separation-of-duty.service';

@ApiTags('permissions')
@Controller()
export class PermissionsController {
  constructor(
    private readonly queries: PermissionsQueries,
    private readonly roles: RolesService,
    private readonly grants: GrantsService,
    private readonly delegations: DelegationsService,
    private readonly separation: SeparationOfDuty,
  ) {}

  @Get('permissions')
  @ApiOperation({ summary: 'The catalogue: everything that can be allowed or denied' })
  @RequirePermission('permission:read')
  @ZodResponse({ type: PermissionList, status: 200 })
  catalogue(@CurrentActor() actor: Actor) {
    return this.queries.catalogue(actor);
  }

  @Post('permissions/check')
  @ApiOperation({ summary: 'Whether somebody may do something, and why', description: 'Asking about others needs `permission:check`.' })
  @HttpCode(200)
  @SignedIn()
  @ZodResponse({ type: CheckResult, status: 200 })
  check(@CurrentActor() actor: Actor, @Body() input: CheckInput) {
    return this.queries.check(actor, input);
  }

  @Post('permissions/check/batch')
  @ApiOperation({ summary: 'Up to 1,000 such questions at one moment', description: 'Answered in their order; one that names something unknown refuses them all.' })
  @HttpCode(200)
  @SignedIn()
  @ZodResponse({ type: BatchCheckResult, status: 200 })
  checkAll(@CurrentActor() actor: Actor, @Body() { checks }: BatchCheckInput) {
    return this.queries.checkAll(actor, checks);
  }

  @Get('me/permissions')
  @ApiOperation({ summary: 'Everything the caller holds, for frontends', description: 'Its ETag changes exactly when the answer does: ask again with If-None-Match.' })
  @Header('Cache-Control', 'private, no-cache')
  @SignedIn()
  @ZodResponse({ type: MyPermissions, status: 200 })
  mine(@CurrentActor() actor: Actor) {
    return this.queries.mine(actor);
  }

  @Get('roles')
  @ApiOperation({ summary: 'List roles' })
  @RequirePermission('permission:read')
  @ZodResponse({ type: RolePage, status: 200 })
  listRoles(@CurrentActor() actor: Actor, @Query() query: ListRolesQuery) {
    return this.roles.list(actor, query);
  }

  @Post('roles')
  @ApiOperation({ summary: 'Create a role' })
  @RequirePermission('role:write')
  @ZodResponse({ type: RoleResponse, status: 201 })
  createRole(@CurrentActor() actor: Actor, @Body() input: CreateRole) {
    return this.roles.create(actor, input);
  }

  @Get('roles/:id')
  @ApiOperation({ summary: 'Read a role' })
  @RequirePermission('permission:read')
  @ZodResponse({ type: RoleResponse, status: 200 })
  getRole(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
    return this.roles.get(actor, id);
  }

  @Patch('roles/:id')
  @ApiOperation({ summary: 'Change a role’s name or juniors' })
  @RequirePermission('role:write')
  @ZodResponse({ type: RoleResponse, status: 200 })
  updateRole(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: UpdateRole) {
    return this.roles.update(actor, id, input);
  }

  @Delete('roles/:id')
  @ApiOperation({ summary: 'Delete a role with its grants' })
  @HttpCode(204)
  @RequirePermission('role:write')
  deleteRole(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
    return this.roles.remove(actor, id);
  }

  @Get('grants')
  @ApiOperation({ summary: 'List grants' })
  @RequirePermission('permission:read')
  @ZodResponse({ type: GrantPage, status: 200 })
  listGrants(@CurrentActor() actor: Actor, @Query() query: ListGrantsQuery) {
    return this.grants.listGrants(actor, query);
  }

  @Post('grants')
  @ApiOperation({ summary: 'Allows or denies something', description: 'Effective with the answer, never more than the caller holds.' })
  @RequirePermission('grant:write')
  @ZodResponse({ type: GrantResponse, status: 201 })
  createGrant(@CurrentActor() actor: Actor, @Body() input: CreateGrant) {
    return this.grants.createGrant(actor, input);
  }

  @Delete('grants/:id')
  @ApiOperation({ summary: 'Revoke a grant', description: 'Effective with the answer.' })
  @HttpCode(204)
  @RequirePermission('grant:write')
  revokeGrant(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
    return this.grants.revokeGrant(actor, id);
  }

  @Get('separation-of-duty')
  @ApiOperation({ summary: 'List sets of separation of duty' })
  @RequirePermission('permission:read')
  @ZodResponse({ type: SodSetPage, status: 200 })
  listSodSets(@CurrentActor() actor: Actor, @Query() query: ListSodSetsQuery) {
    return this.separation.list(actor, query);
  }

  @Post('separation-of-duty')
  @ApiOperation({ summary: 'Keep duties apart', description: 'Static: roles nobody may hold at the same time. Dynamic: permissions nobody may use on the same request.' })
  @RequirePermission('role:write')
  @ZodResponse({ type: SodSetResponse, status: 201 })
  createSodSet(@CurrentActor() actor: Actor, @Body() input: CreateSodSet) {
    return this.separation.create(actor, input);
  }

  @Patch('separation-of-duty/:id')
  @ApiOperation({ summary: 'Change a set' })
  @RequirePermission('role:write')
  @ZodResponse({ type: SodSetResponse, status: 200 })
  updateSodSet(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: UpdateSodSet) {
    return this.separation.update(actor, id, input);
  }

  @Delete('separation-of-duty/:id')
  @ApiOperation({ summary: 'Delete a set' })
  @HttpCode(204)
  @RequirePermission('role:write')
  deleteSodSet(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
    return this.separation.remove(actor, id);
  }

  @Get('delegations')
  @ApiOperation({ summary: 'List delegations', description: 'One’s own; everybody’s with `permission:read`.' })
  @SignedIn()
  @ZodResponse({ type: DelegationPage, status: 200 })
  listDelegations(@CurrentActor() actor: Actor, @Query() query: ListDelegationsQuery) {
    return this.delegations.list(actor, query);
  }

  @Post('delegations')
  @ApiOperation({ summary: 'Let somebody act in your stead', description: 'For a time, within what you hold yourself at each moment. Effective with the answer.' })
  @SignedIn()
  @ZodResponse({ type: DelegationResponse, status: 201 })
  delegate(@CurrentActor() actor: Actor, @Body() input: CreateDelegation) {
    return this.delegations.create(actor, input);
  }

  @Delete('delegations/:id')
  @ApiOperation({ summary: 'End a delegation now' })
  @HttpCode(204)
  @SignedIn()
  endDelegation(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
    return this.delegations.end(actor, id);
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
