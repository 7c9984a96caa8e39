import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { ZodResponse } from 'nestjs-zod';
import { type Actor, CurrentActor, RequirePermission } from '../../access';
import { Etagged, IfMatch, TakesIfMatch } from '../../http';
import { CreateRole, IdParam, ListRolesQuery, RolePage, RoleResponse, UpdateRole } from './permissions.dto';
import { RolesService } from './roles.service';

@ApiTags('permissions')
@Controller()
export class RolesController {
  constructor(private readonly roles: RolesService) {}

  @Get('roles')
  @ApiOperation({ summary: 'List roles' })
  @RequirePermission('permission:read')
  @ZodResponse({ type: RolePage, status: 200 })
  list(@CurrentActor() actor: Actor, @Query() query: ListRolesQuery) {
    return this.roles.list(actor, query);
  }

  @Post('roles')
  @ApiOperation({ summary: 'Create a role' })
  @Etagged()
  @RequirePermission('role:write')
  @ZodResponse({ type: RoleResponse, status: 201 })
  create(@CurrentActor() actor: Actor, @Body() input: CreateRole) {
    return this.roles.create(actor, input);
  }

  @Get('roles/:id')
  @ApiOperation({ summary: 'Read a role' })
  @Etagged()
  @RequirePermission('permission:read')
  @ZodResponse({ type: RoleResponse, status: 200 })
  get(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
    return this.roles.get(actor, id);
  }

  @Patch('roles/:id')
  @ApiOperation({ summary: 'Change a role’s name or juniors', description: 'Based on what was read: If-Match, or its `version`.' })
  @TakesIfMatch()
  @Etagged()
  @RequirePermission('role:write')
  @ZodResponse({ type: RoleResponse, status: 200 })
  update(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: UpdateRole, @IfMatch() ifMatch: string | undefined) {
    return this.roles.update(actor, id, input, ifMatch);
  }

  @Delete('roles/:id')
  @ApiOperation({ summary: 'Delete a role with its grants' })
  @TakesIfMatch()
  @HttpCode(204)
  @RequirePermission('role:write')
  remove(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @IfMatch() ifMatch: string | undefined) {
    return this.roles.remove(actor, id, ifMatch);
  }
}
