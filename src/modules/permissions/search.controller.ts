import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { ZodResponse } from 'nestjs-zod';
import { type Actor, CurrentActor, RequirePermission, SignedIn } from '../../access';
import { ActionPage, ListActionsInput, ListResourcesInput, ListSubjectsInput, ResourceIdPage, SubjectIdPage } from './search.dto';
import { PermissionSearch } from './search.service';

@ApiTags('permissions')
@Controller('permissions')
export class PermissionSearchController {
  constructor(private readonly search: PermissionSearch) {}

  @Post('list-resources')
  @ApiOperation({ summary: 'Which rows of a kind somebody may do something with', description: 'Ids, in pages; asking about others needs `permission:check`.' })
  @HttpCode(200)
  @SignedIn()
  @ZodResponse({ type: ResourceIdPage, status: 200 })
  resources(@CurrentActor() actor: Actor, @Body() input: ListResourcesInput) {
    return this.search.resources(actor, input);
  }

  @Post('list-subjects')
  @ApiOperation({ summary: 'Who may do something', description: 'With a row, or with any where none is given: ids of people, in pages.' })
  @HttpCode(200)
  @RequirePermission('permission:check')
  @ZodResponse({ type: SubjectIdPage, status: 200 })
  people(@CurrentActor() actor: Actor, @Body() input: ListSubjectsInput) {
    return this.search.people(actor, input);
  }

  @Post('list-actions')
  @ApiOperation({ summary: 'What somebody may do with a row, or at all', description: 'Permissions, in pages; asking about others needs `permission:check`.' })
  @HttpCode(200)
  @SignedIn()
  @ZodResponse({ type: ActionPage, status: 200 })
  actions(@CurrentActor() actor: Actor, @Body() input: ListActionsInput) {
    return this.search.actions(actor, input);
  }
}
