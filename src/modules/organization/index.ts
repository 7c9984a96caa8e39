import { Global, Module } from '@nestjs/common';
import { AppointmentsService } from './appointments.service';
import { FoundationService } from './foundation.service';
import { ImportService } from './import.service';
import { AppointmentsController, DepartmentsController, OrganizationController, PeopleController, PositionsController, SchoolsController } from './organization.controller';
import { PeopleService } from './people.service';
import { PositionsService } from './positions.service';
import { OrganizationRows, VisibleRows } from './rows';
import { UnitsService } from './units.service';

export { FoundationService, type NewFoundation } from './foundation.service';
export { IMPORT_BODY, ImportService } from './import.service';

@Global()
@Module({
  controllers: [OrganizationController, SchoolsController, DepartmentsController, PositionsController, PeopleController, AppointmentsController],
  providers: [UnitsService, PositionsService, PeopleService, AppointmentsService, ImportService, FoundationService, OrganizationRows, VisibleRows],
  exports: [ImportService, FoundationService],
})
export class OrganizationModule {}
