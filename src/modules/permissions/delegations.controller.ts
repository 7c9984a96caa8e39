import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { ZodResponse } from 'nestjs-zod';
import { type Actor, CurrentActor, SignedIn } from '../../access';
import { DelegationsService } from './delegations.service';
import { CreateDelegation, DelegationPage, DelegationResponse, IdParam, ListDelegationsQuery } from './permissions.dto';

@ApiTags('permissions')
@Controller()
export class DelegationsController {
  constructor(private readonly delegations: DelegationsService) {}

  @Get('delegations')
  @ApiOperation({ summary: 'List delegations', description: 'One’s own; everybody’s with `permission:read`.' })
  @SignedIn()
  @ZodResponse({ type: DelegationPage, status: 200 })
  list(@CurrentActor() actor: Actor, @Query() query: ListDelegationsQuery) {
    return this.delegations.list(actor, query);
  }

  @Post('delegations')
  @ApiOperation({ summary: 'Let somebody act in your stead', description: 'For a time, within what you hold yourself at each moment. Effective with the answer.' })
  @SignedIn()
  @ZodResponse({ type: DelegationResponse, status: 201 })
  create(@CurrentActor() actor: Actor, @Body() input: CreateDelegation) {
    return this.delegations.create(actor, input);
  }

  @Delete('delegations/:id')
  @ApiOperation({ summary: 'End a delegation now' })
  @HttpCode(204)
  @SignedIn()
  end(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
    return this.delegations.end(actor, id);
  }
}
