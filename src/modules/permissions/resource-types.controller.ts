import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { ZodResponse } from 'nestjs-zod';
import { type Actor, CurrentActor, RequirePermission } from '../../access';
import { Etagged, IfMatch, TakesIfMatch } from '../../http';
import { IdParam } from './permissions.dto';
import { CreateResourceType, ListResourceTypesQuery, ResourceTypePage, ResourceTypeResponse, UpdateResourceType } from './resource-types.dto';
import { ResourceTypes } from './resource-types.service';

@ApiTags('permissions')
@Controller()
export class ResourceTypesController {
  constructor(private readonly resourceTypes: ResourceTypes) {}

  @Get('resource-types')
  @ApiOperation({ summary: 'List the kinds of things other applications protect' })
  @RequirePermission('permission:read')
  @ZodResponse({ type: ResourceTypePage, status: 200 })
  list(@CurrentActor() actor: Actor, @Query() query: ListResourceTypesQuery) {
    return this.resourceTypes.list(actor, query);
  }

  @Post('resource-types')
  @ApiOperation({ summary: 'Register a kind of things', description: 'With what conditions may ask about them. Permissions for it are registered with POST /permissions.' })
  @Etagged()
  @RequirePermission('role:write')
  @ZodResponse({ type: ResourceTypeResponse, status: 201 })
  create(@CurrentActor() actor: Actor, @Body() input: CreateResourceType) {
    return this.resourceTypes.create(actor, input);
  }

  @Get('resource-types/:id')
  @ApiOperation({ summary: 'Read a kind of things' })
  @Etagged()
  @RequirePermission('permission:read')
  @ZodResponse({ type: ResourceTypeResponse, status: 200 })
  get(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
    return this.resourceTypes.get(actor, id);
  }

  @Patch('resource-types/:id')
  @ApiOperation({ summary: 'Change its name or attributes', description: 'Based on what was read: If-Match, or its `version`. Grants keep the types they were made with.' })
  @TakesIfMatch()
  @Etagged()
  @RequirePermission('role:write')
  @ZodResponse({ type: ResourceTypeResponse, status: 200 })
  update(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: UpdateResourceType, @IfMatch() ifMatch: string | undefined) {
    return this.resourceTypes.update(actor, id, input, ifMatch);
  }

  @Delete('resource-types/:id')
  @ApiOperation({ summary: 'Delete a kind of things', description: 'Refused while permissions or grants name it.' })
  @HttpCode(204)
  @RequirePermission('role:write')
  remove(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
    return this.resourceTypes.remove(actor, id);
  }
}
