import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query, Req, UseInterceptors } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiTags } from '@nestjs/swagger';
import type { Request } from 'express';
import { ZodResponse } from 'nestjs-zod';
import { type Actor, CurrentActor, RequirePermission } from '../../access';
import { LargeBodyInterceptor } from '../../http';
import { AppointmentsService } from './appointments.service';
import { IMPORT_BODY, ImportService } from './import.service';
import {
  AppointmentPage, AppointmentResponse, CreateAppointment, CreatePerson, CreatePosition, CreateUnit, IdParam, ImportQuery, ImportReport, ListAppointmentsQuery,
  ListPeopleQuery, ListPositionsQuery, ListUnitsQuery, PersonPage, PersonResponse, PositionPage, PositionResponse, TreeQuery, TreeResponse, UnitPage, UnitResponse,
  UpdateAppointment, UpdatePerson, UpdatePosition, UpdateUnit, VersionInput, VersionQuery,
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
  ) {}

  /** The organization as a tree. */
  @Get('tree')
  @RequirePermission('organization:read')
  @ZodResponse({ type: TreeResponse, status: 200 })
  tree(@CurrentActor() actor: Actor, @Query() query: TreeQuery) {
    return this.units.tree(actor, query.root);
  }

  /** Brings in a whole organization (docs/import.md). All or nothing; with `dryRun=true` only checked. */
  @Post('import')
  @HttpCode(200)
  @RequirePermission('organization:import')
  @UseInterceptors(LargeBodyInterceptor(IMPORT_BODY))
  @ApiConsumes('application/json', 'text/csv')
  @ApiBody({ schema: { type: 'object', description: 'units, positions, people, appointments' } })
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
    @RequirePermission('organization:read')
    @ZodResponse({ type: UnitPage, status: 200 })
    list(@CurrentActor() actor: Actor, @Query() query: ListUnitsQuery) {
      return this.units.list(actor, kind, query);
    }

    @Post()
    @RequirePermission('organization:write')
    @ZodResponse({ type: UnitResponse, status: 201 })
    create(@CurrentActor() actor: Actor, @Body() input: CreateUnit) {
      return this.units.create(actor, kind, input);
    }

    @Get(':id')
    @RequirePermission('organization:read')
    @ZodResponse({ type: UnitResponse, status: 200 })
    get(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
      return this.units.get(actor, kind, id);
    }

    @Patch(':id')
    @RequirePermission('organization:write')
    @ZodResponse({ type: UnitResponse, status: 200 })
    update(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: UpdateUnit) {
      return this.units.update(actor, kind, id, input);
    }

    @Delete(':id')
    @HttpCode(204)
    @RequirePermission('organization:write')
    remove(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Query() { version }: VersionQuery) {
      return this.units.remove(actor, kind, id, version);
    }

    @Post(':id/restore')
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
  @RequirePermission('organization:read')
  @ZodResponse({ type: PositionPage, status: 200 })
  list(@CurrentActor() actor: Actor, @Query() query: ListPositionsQuery) {
    return this.positions.list(actor, query);
  }

  @Post()
  @RequirePermission('organization:write')
  @ZodResponse({ type: PositionResponse, status: 201 })
  create(@CurrentActor() actor: Actor, @Body() input: CreatePosition) {
    return this.positions.create(actor, input);
  }

  @Get(':id')
  @RequirePermission('organization:read')
  @ZodResponse({ type: PositionResponse, status: 200 })
  get(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
    return this.positions.get(actor, id);
  }

  @Patch(':id')
  @RequirePermission('organization:write')
  @ZodResponse({ type: PositionResponse, status: 200 })
  update(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: UpdatePosition) {
    return this.positions.update(actor, id, input);
  }

  @Delete(':id')
  @HttpCode(204)
  @RequirePermission('organization:write')
  remove(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Query() { version }: VersionQuery) {
    return this.positions.remove(actor, id, version);
  }

  @Post(':id/restore')
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
  @RequirePermission('person:read')
  @ZodResponse({ type: PersonPage, status: 200 })
  list(@CurrentActor() actor: Actor, @Query() query: ListPeopleQuery) {
    return this.people.list(actor, query);
  }

  @Post()
  @RequirePermission('person:write')
  @ZodResponse({ type: PersonResponse, status: 201 })
  create(@CurrentActor() actor: Actor, @Body() input: CreatePerson) {
    return this.people.create(actor, input);
  }

  @Get(':id')
  @RequirePermission('person:read')
  @ZodResponse({ type: PersonResponse, status: 200 })
  get(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
    return this.people.get(actor, id);
  }

  @Patch(':id')
  @RequirePermission('person:write')
  @ZodResponse({ type: PersonResponse, status: 200 })
  update(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: UpdatePerson) {
    return this.people.update(actor, id, input);
  }

  @Delete(':id')
  @HttpCode(204)
  @RequirePermission('person:write')
  remove(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Query() { version }: VersionQuery) {
    return this.people.remove(actor, id, version);
  }

  @Post(':id/restore')
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
  @RequirePermission('person:read')
  @ZodResponse({ type: AppointmentPage, status: 200 })
  list(@CurrentActor() actor: Actor, @Query() query: ListAppointmentsQuery) {
    return this.appointments.list(actor, query);
  }

  @Post()
  @RequirePermission('person:write')
  @ZodResponse({ type: AppointmentResponse, status: 201 })
  create(@CurrentActor() actor: Actor, @Body() input: CreateAppointment) {
    return this.appointments.create(actor, input);
  }

  @Patch(':id')
  @RequirePermission('person:write')
  @ZodResponse({ type: AppointmentResponse, status: 200 })
  update(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: UpdateAppointment) {
    return this.appointments.update(actor, id, input);
  }
}
