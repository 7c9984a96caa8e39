import { Global, Module } from '@nestjs/common';
import { BoundedGranting } from './bounded-granting';
import { DelegationsService } from './delegations.service';
import { FoundationRoles } from './foundation-roles.service';
import { GrantsService } from './grants.service';
import { PermissionsController } from './permissions.controller';
import { PermissionsQueries } from './permissions.queries';
import { PermissionsService } from './permissions.service';
import { RolesService } from './roles.service';
import { SeparationOfDuty } from './separation-of-duty.service';
import { Subjects } from './subjects.service';

export { FoundationRoles } from './foundation-roles.service';
export { PermissionsGuard } from './permissions.guard';
export { PermissionsService } from './permissions.service';

@Global()
@Module({
  controllers: [PermissionsController],
  providers: [Subjects, PermissionsService, PermissionsQueries, BoundedGranting, RolesService, GrantsService, DelegationsService, SeparationOfDuty, FoundationRoles],
  exports: [PermissionsService, FoundationRoles],
})
export class PermissionsModule {}
