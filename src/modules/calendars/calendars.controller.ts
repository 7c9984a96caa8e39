import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Put, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { ZodResponse } from 'nestjs-zod';
import { type Actor, CurrentActor, RequirePermission, SignedIn } from '../../access';
import { Etagged, IfMatch, TakesIfMatch } from '../../http';
import { CalendarPage, CalendarResponse, CreateCalendar, DayPage, DayParam, DayResponse, IdParam, ImportDays, ImportedDays, ListCalendarsQuery, ListDaysQuery, SetDay, UpdateCalendar } from './calendars.dto';
import { CalendarsService } from './calendars.service';

@ApiTags('calendars')
@Controller('calendars')
export class CalendarsController {
  constructor(private readonly calendars: CalendarsService) {}

  @Get()
  @ApiOperation({ summary: 'List when work is done where' })
  @SignedIn()
  @ZodResponse({ type: CalendarPage, status: 200 })
  list(@CurrentActor() actor: Actor, @Query() query: ListCalendarsQuery) {
    return this.calendars.list(actor, query);
  }

  @Post()
  @ApiOperation({ summary: 'Gives a unit a calendar', description: 'Units below it without one of their own follow it. Where there is none at all, work is done Monday to Friday from seven to four, in the foundation’s zone.' })
  @Etagged()
  @RequirePermission('organization:write')
  @ZodResponse({ type: CalendarResponse, status: 201 })
  create(@CurrentActor() actor: Actor, @Body() input: CreateCalendar) {
    return this.calendars.create(actor, input);
  }

  @Get(':id')
  @ApiOperation({ summary: 'Read a calendar' })
  @Etagged()
  @SignedIn()
  @ZodResponse({ type: CalendarResponse, status: 200 })
  get(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
    return this.calendars.get(actor, id);
  }

  @Patch(':id')
  @ApiOperation({ summary: 'Change a calendar’s name, zone or hours', description: 'Based on what was read: If-Match, or its `version`. What runs by working time keeps the time it was given.' })
  @TakesIfMatch()
  @Etagged()
  @RequirePermission('organization:write')
  @ZodResponse({ type: CalendarResponse, status: 200 })
  update(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: UpdateCalendar, @IfMatch() ifMatch: string | undefined) {
    return this.calendars.update(actor, id, input, ifMatch);
  }

  @Delete(':id')
  @ApiOperation({ summary: 'Delete a calendar; its unit follows the one above' })
  @HttpCode(204)
  @RequirePermission('organization:write')
  remove(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
    return this.calendars.remove(actor, id);
  }

  @Get(':id/days')
  @ApiOperation({ summary: 'List days on which other hours hold, holidays among them' })
  @SignedIn()
  @ZodResponse({ type: DayPage, status: 200 })
  days(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Query() query: ListDaysQuery) {
    return this.calendars.days(actor, id, query);
  }

  @Post(':id/days/import')
  @ApiOperation({ summary: 'Takes holidays from an iCalendar file', description: 'All-day events, repeated ones from last year to five years on. Imported again they are changed, not doubled; days somebody wrote stay as they are.' })
  @HttpCode(200)
  @RequirePermission('organization:write')
  @ZodResponse({ type: ImportedDays, status: 200 })
  importDays(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: ImportDays) {
    return this.calendars.importDays(actor, id, input.ics);
  }

  @Put(':id/days/:day')
  @ApiOperation({ summary: 'Sets other hours on a day; none on a holiday' })
  @RequirePermission('organization:write')
  @ZodResponse({ type: DayResponse, status: 200 })
  setDay(@CurrentActor() actor: Actor, @Param() { id, day }: DayParam, @Body() input: SetDay) {
    return this.calendars.setDay(actor, id, day, input);
  }

  @Delete(':id/days/:day')
  @ApiOperation({ summary: 'Lets the hours of its weekday hold again' })
  @HttpCode(204)
  @RequirePermission('organization:write')
  removeDay(@CurrentActor() actor: Actor, @Param() { id, day }: DayParam) {
    return this.calendars.removeDay(actor, id, day);
  }
}
