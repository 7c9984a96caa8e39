import { Body, Controller, Delete, Get, Header, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { ZodResponse } from 'nestjs-zod';
import { type Actor, CurrentActor, RequirePermission, SignedIn } from '../../access';
import { Etagged } from '../../http';
import { BatchCheckInput, BatchCheckResult, CheckInput, CheckResult, ListPermissionsQuery, MyPermissions, PermissionPage } from './permissions.dto';
import { PermissionsQueries } from './permissions.queries';
import { CustomPermissionResponse, PermissionCodeParam, RegisterPermission } from './resource-types.dto';
import { ResourceTypes } from './resource-types.service';

@ApiTags('permissions')
@Controller()
export class PermissionsController {
  constructor(
    private readonly queries: PermissionsQueries,
    private readonly resourceTypes: ResourceTypes,
  ) {}

  @Get('permissions')
  @ApiOperation({ summary: 'Everything that can be allowed or denied: the catalogue, and what is registered' })
  @RequirePermission('permission:read')
  @ZodResponse({ type: PermissionPage, status: 200 })
  catalogue(@CurrentActor() actor: Actor, @Query() query: ListPermissionsQuery) {
    return this.queries.catalogue(actor, query);
  }

  @Post('permissions')
  @ApiOperation({ summary: 'Registers a permission of another application', description: 'Its resource type must be registered. Administrators hold it at once and can grant it.' })
  @RequirePermission('role:write')
  @ZodResponse({ type: CustomPermissionResponse, status: 201 })
  register(@CurrentActor() actor: Actor, @Body() input: RegisterPermission) {
    return this.resourceTypes.register(actor, input);
  }

  @Delete('permissions/:code')
  @ApiOperation({ summary: 'Removes a registered permission', description: 'Refused while grants name it.' })
  @HttpCode(204)
  @RequirePermission('role:write')
  unregister(@CurrentActor() actor: Actor, @Param() { code }: PermissionCodeParam) {
    return this.resourceTypes.unregister(actor, code);
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
  @Etagged()
  @SignedIn()
  @ZodResponse({ type: MyPermissions, status: 200 })
  mine(@CurrentActor() actor: Actor) {
    return this.queries.mine(actor);
  }
}
