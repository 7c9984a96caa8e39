import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query, Req, UseInterceptors } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Request } from 'express';
import { ZodResponse } from 'nestjs-zod';
import { type Actor, CurrentActor, RequirePermission } from '../../access';
import { LargeBodyInterceptor } from '../../http';
import { AppointmentsService } from './appointments.service';
import { FoundationService } from './foundation.service';
import { IMPORT_BODY, IMPORT_EXAMPLE, ImportService } from './import.service';
import {
  AppointmentPage, AppointmentResponse, CreateAppointment, CreatePerson, CreatePosition, CreateUnit, FoundationResponse, IdParam, ImportQuery, ImportReport, ListAppointmentsQuery,
  ListPeopleQuery, ListPositionsQuery, ListUnitsQuery, PersonPage, PersonResponse, PositionPage, PositionResponse, TreeQuery, TreeResponse, UnitPage, UnitResponse,
  UpdateAppointment, UpdateFoundation, UpdatePerson, UpdatePosition, UpdateUnit, VersionInput, VersionQuery,
} from './organization.dto';
import { PeopleService } from './people.service';
import { PositionsService } from './positions.service';
import { UnitsService } from './units.service';

@ApiTags('organization')
@Controller('organization')
export class OrganizationController {
  constructor(
    private readonly units: UnitsService,
    private readonly imports: ImportService,
    private readonly foundations: FoundationService,
  ) {}

  @Get()
  @ApiOperation({ summary: 'The foundation itself' })
  @RequirePermission('organization:read')
  @ZodResponse({ type: FoundationResponse, status: 200 })
  foundation(@CurrentActor() actor: Actor) {
    return this.foundations.get(actor);
  }

  @Patch()
  @ApiOperation({ summary: 'Change the foundation’s name, time zone or language' })
  @RequirePermission('organization:write')
  @ZodResponse({ type: FoundationResponse, status: 200 })
  updateFoundation(@CurrentActor() actor: Actor, @Body() input: UpdateFoundation) {
    return this.foundations.update(actor, input);
  }

  @Get('tree')
  @ApiOperation({ summary: 'The organization as a tree' })
  @RequirePermission('organization:read')
  @ZodResponse({ type: TreeResponse, status: 200 })
  tree(@CurrentActor() actor: Actor, @Query() query: TreeQuery) {
    return this.units.tree(actor, query.root);
  }

  @Post('import')
  @ApiOperation({ summary: 'Brings in a whole organization (docs/import.md)', description: 'All or nothing; with `dryRun=true` only checked.' })
  @HttpCode(200)
  @RequirePermission('organization:import')
  @UseInterceptors(LargeBodyInterceptor(IMPORT_BODY))
  @ApiConsumes('application/json', 'text/csv')
  @ApiBody({ schema: { type: 'object', description: 'units, positions, people, appointments: docs/import.md', example: IMPORT_EXAMPLE } })
  @ZodResponse({ type: ImportReport, status: 200 })
  import(@CurrentActor() actor: Actor, @Query() { dryRun }: ImportQuery, @Req() request: Request) {
    return this.imports.import(actor, request.body as unknown, { dryRun });
  }
}

/** Schools and departments are nodes of one tree and have the same routes. */
function unitsController(path: 'schools' | 'departments', kind: 'school' | 'department') {
  @ApiTags('organization')
  @Controller(path)
  class UnitsController {
    constructor(private readonly units: UnitsService) {}

    @Get()
    @ApiOperation({ summary: `List ${path}` })
    @RequirePermission('organization:read')
    @ZodResponse({ type: UnitPage, status: 200 })
    list(@CurrentActor() actor: Actor, @Query() query: ListUnitsQuery) {
      return this.units.list(actor, kind, query);
    }

    @Post()
    @ApiOperation({ summary: `Create a ${kind}` })
    @RequirePermission('organization:write')
    @ZodResponse({ type: UnitResponse, status: 201 })
    create(@CurrentActor() actor: Actor, @Body() input: CreateUnit) {
      return this.units.create(actor, kind, input);
    }

    @Get(':id')
    @ApiOperation({ summary: `Read one ${kind}` })
    @RequirePermission('organization:read')
    @ZodResponse({ type: UnitResponse, status: 200 })
    get(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
      return this.units.get(actor, kind, id);
    }

    @Patch(':id')
    @ApiOperation({ summary: `Change or move a ${kind}` })
    @RequirePermission('organization:write')
    @ZodResponse({ type: UnitResponse, status: 200 })
    update(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: UpdateUnit) {
      return this.units.update(actor, kind, id, input);
    }

    @Delete(':id')
    @ApiOperation({ summary: `Delete a ${kind}; it can be restored` })
    @HttpCode(204)
    @RequirePermission('organization:write')
    remove(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Query() { version }: VersionQuery) {
      return this.units.remove(actor, kind, id, version);
    }

    @Post(':id/restore')
    @ApiOperation({ summary: `Restore a deleted ${kind}` })
    @HttpCode(200)
    @RequirePermission('organization:write')
    @ZodResponse({ type: UnitResponse, status: 200 })
    restore(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() { version }: VersionInput) {
      return this.units.restore(actor, kind, id, version);
    }
  }
  Object.defineProperty(UnitsController, 'name', { value: `${path[0]!.toUpperCase()}${path.slice(1)}Controller` });
  return UnitsController;
}
export const SchoolsController = unitsController('schools', 'school');
export const DepartmentsController = unitsController('departments', 'department');

@ApiTags('organization')
@Controller('positions')
export class PositionsController {
  constructor(private readonly positions: PositionsService) {}

  @Get()
  @ApiOperation({ summary: 'List positions' })
  @RequirePermission('organization:read')
  @ZodResponse({ type: PositionPage, status: 200 })
  list(@CurrentActor() actor: Actor, @Query() query: ListPositionsQuery) {
    return this.positions.list(actor, query);
  }

  @Post()
  @ApiOperation({ summary: 'Create a position' })
  @RequirePermission('organization:write')
  @ZodResponse({ type: PositionResponse, status: 201 })
  create(@CurrentActor() actor: Actor, @Body() input: CreatePosition) {
    return this.positions.create(actor, input);
  }

  @Get(':id')
  @ApiOperation({ summary: 'Read one position' })
  @RequirePermission('organization:read')
  @ZodResponse({ type: PositionResponse, status: 200 })
  get(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
    return this.positions.get(actor, id);
  }

  @Patch(':id')
  @ApiOperation({ summary: 'Change a position' })
  @RequirePermission('organization:write')
  @ZodResponse({ type: PositionResponse, status: 200 })
  update(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: UpdatePosition) {
    return this.positions.update(actor, id, input);
  }

  @Delete(':id')
  @ApiOperation({ summary: 'Delete a position', description: 'It can be restored.' })
  @HttpCode(204)
  @RequirePermission('organization:write')
  remove(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Query() { version }: VersionQuery) {
    return this.positions.remove(actor, id, version);
  }

  @Post(':id/restore')
  @ApiOperation({ summary: 'Restore a deleted position' })
  @HttpCode(200)
  @RequirePermission('organization:write')
  @ZodResponse({ type: PositionResponse, status: 200 })
  restore(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() { version }: VersionInput) {
    return this.positions.restore(actor, id, version);
  }
}

@ApiTags('people')
@Controller('people')
export class PeopleController {
  constructor(private readonly people: PeopleService) {}

  @Get()
  @ApiOperation({ summary: 'List people' })
  @RequirePermission('person:read')
  @ZodResponse({ type: PersonPage, status: 200 })
  list(@CurrentActor() actor: Actor, @Query() query: ListPeopleQuery) {
    return this.people.list(actor, query);
  }

  @Post()
  @ApiOperation({ summary: 'Create a person' })
  @RequirePermission('person:write')
  @ZodResponse({ type: PersonResponse, status: 201 })
  create(@CurrentActor() actor: Actor, @Body() input: CreatePerson) {
    return this.people.create(actor, input);
  }

  @Get(':id')
  @ApiOperation({ summary: 'Read one person' })
  @RequirePermission('person:read')
  @ZodResponse({ type: PersonResponse, status: 200 })
  get(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
    return this.people.get(actor, id);
  }

  @Patch(':id')
  @ApiOperation({ summary: 'Change a person' })
  @RequirePermission('person:write')
  @ZodResponse({ type: PersonResponse, status: 200 })
  update(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: UpdatePerson) {
    return this.people.update(actor, id, input);
  }

  @Delete(':id')
  @ApiOperation({ summary: 'Delete a person', description: 'It can be restored.' })
  @HttpCode(204)
  @RequirePermission('person:write')
  remove(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Query() { version }: VersionQuery) {
    return this.people.remove(actor, id, version);
  }

  @Post(':id/restore')
  @ApiOperation({ summary: 'Restore a deleted person' })
  @HttpCode(200)
  @RequirePermission('person:write')
  @ZodResponse({ type: PersonResponse, status: 200 })
  restore(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() { version }: VersionInput) {
    return this.people.restore(actor, id, version);
  }
}

@ApiTags('people')
@Controller('appointments')
export class AppointmentsController {
  constructor(private readonly appointments: AppointmentsService) {}

  @Get()
  @ApiOperation({ summary: 'List appointments' })
  @RequirePermission('person:read')
  @ZodResponse({ type: AppointmentPage, status: 200 })
  list(@CurrentActor() actor: Actor, @Query() query: ListAppointmentsQuery) {
    return this.appointments.list(actor, query);
  }

  @Post()
  @ApiOperation({ summary: 'Create an appointment' })
  @RequirePermission('person:write')
  @ZodResponse({ type: AppointmentResponse, status: 201 })
  create(@CurrentActor() actor: Actor, @Body() input: CreateAppointment) {
    return this.appointments.create(actor, input);
  }

  @Get(':id')
  @ApiOperation({ summary: 'Read one appointment' })
  @RequirePermission('person:read')
  @ZodResponse({ type: AppointmentResponse, status: 200 })
  get(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
    return this.appointments.get(actor, id);
  }

  @Delete(':id')
  @ApiOperation({ summary: 'Take back an appointment that has not begun' })
  @HttpCode(204)
  @RequirePermission('person:write')
  remove(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Query() { version }: VersionQuery) {
    return this.appointments.remove(actor, id, version);
  }

  @Patch(':id')
  @ApiOperation({ summary: 'Change an appointment' })
  @RequirePermission('person:write')
  @ZodResponse({ type: AppointmentResponse, status: 200 })
  update(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: UpdateAppointment) {
    return this.appointments.update(actor, id, input);
  }
}
