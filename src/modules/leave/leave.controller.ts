import { Body, Controller, Get, Param, Patch, Post, Put, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { ZodResponse } from 'nestjs-zod';
import { type Actor, CurrentActor, RequirePermission, SignedIn } from '../../access';
import { BalanceList, BalancesQuery, CodeParam, CreateLeaveKind, EntriesQuery, EntriesResponse, EntryPage, GrantDays, LeaveKindList, LeaveKindResponse, NameLeaveKind, RateParam, SetRate } from './leave.dto';
import { LeaveService } from './leave.service';

@ApiTags('leave')
@Controller('leave')
export class LeaveController {
  constructor(private readonly leave: LeaveService) {}

  @Get('balances')
  @ApiOperation({ summary: 'Somebody’s days of leave in a year, of each kind that is counted' })
  @SignedIn()
  @ZodResponse({ type: BalanceList, status: 200 })
  balances(@CurrentActor() actor: Actor, @Query() query: BalancesQuery) {
    return this.leave.balances(actor, query);
  }

  @Get('entries')
  @ApiOperation({ summary: 'What has changed them, the latest first' })
  @SignedIn()
  @ZodResponse({ type: EntryPage, status: 200 })
  entries(@CurrentActor() actor: Actor, @Query() query: EntriesQuery) {
    return this.leave.entries(actor, query);
  }

  @Post('entries')
  @ApiOperation({ summary: 'Adds days to what people have, or takes some away', description: 'All of them, or none. Of days that are used, nothing is taken back; the balance may go below zero, and nothing more can be asked for then.' })
  @RequirePermission('workflow:administer')
  @ZodResponse({ type: EntriesResponse, status: 201 })
  grant(@CurrentActor() actor: Actor, @Body() { items }: GrantDays) {
    return this.leave.grant(actor, items);
  }

  @Get('kinds')
  @ApiOperation({ summary: 'Kinds of leave that are counted' })
  @SignedIn()
  @ZodResponse({ type: LeaveKindList, status: 200 })
  kinds(@CurrentActor() actor: Actor) {
    return this.leave.kinds(actor);
  }

  @Post('kinds')
  @ApiOperation({ summary: 'Counts a kind of leave from a year on', description: 'Requests whose definition counts leave ask for its days where their form names this code.' })
  @RequirePermission('workflow:publish')
  @ZodResponse({ type: LeaveKindResponse, status: 201 })
  create(@CurrentActor() actor: Actor, @Body() input: CreateLeaveKind) {
    return this.leave.create(actor, input);
  }

  @Patch('kinds/:code')
  @ApiOperation({ summary: 'Renames it' })
  @RequirePermission('workflow:publish')
  @ZodResponse({ type: LeaveKindResponse, status: 200 })
  name(@CurrentActor() actor: Actor, @Param() { code }: CodeParam, @Body() { title }: NameLeaveKind) {
    return this.leave.name(actor, code, title);
  }

  @Put('kinds/:code/rates/:year')
  @ApiOperation({ summary: 'Sets how many days it has from a year on', description: 'Years that are over stay as they were.' })
  @RequirePermission('workflow:publish')
  @ZodResponse({ type: LeaveKindResponse, status: 200 })
  rate(@CurrentActor() actor: Actor, @Param() { code, year }: RateParam, @Body() input: SetRate) {
    return this.leave.setRate(actor, code, year, input);
  }
}
