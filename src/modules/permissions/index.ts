import { Global, Module } from '@nestjs/common';
import { AskedRows } from './asked-rows';
import { AuthzenController } from './authzen.controller';
import { AuthzenService } from './authzen.service';
import { BoundedGranting } from './bounded-granting';
import { BreakGlassController } from './break-glass.controller';
import { BreakGlassService } from './break-glass.service';
import { DelegationsController } from './delegations.controller';
import { DelegationsService } from './delegations.service';
import { ExplainController } from './explain.controller';
import { ExplainService } from './explain.service';
import { FoundationRoles } from './foundation-roles.service';
import { GraphService } from './graph.service';
import { GrantsController } from './grants.controller';
import { GrantsService } from './grants.service';
import { PermissionsController } from './permissions.controller';
import { PermissionsQueries } from './permissions.queries';
import { PermissionsService } from './permissions.service';
import { ResourceTypesController } from './resource-types.controller';
import { ResourceTypes } from './resource-types.service';
import { RolesController } from './roles.controller';
import { RolesService } from './roles.service';
import { PermissionSearchController } from './search.controller';
import { PermissionSearch } from './search.service';
import { SeparationOfDutyController } from './separation-of-duty.controller';
import { SeparationOfDuty } from './separation-of-duty.service';
import { SimulateService } from './simulate.service';
import { Subjects } from './subjects.service';
import { AuthorizationTransferController } from './transfer.controller';
import { AuthorizationTransfer } from './transfer.service';
import { WarmUp } from './warm-up';

export { grantCreated } from './permissions.events';
export { FoundationRoles } from './foundation-roles.service';
export { PermissionsGuard } from './permissions.guard';
export { PermissionsService } from './permissions.service';
export { WarmUp } from './warm-up';

@Global()
@Module({
  controllers: [AuthorizationTransferController, PermissionsController, PermissionSearchController, ExplainController, AuthzenController, RolesController, GrantsController, DelegationsController, SeparationOfDutyController, ResourceTypesController, BreakGlassController],
  providers: [Subjects, PermissionsService, PermissionsQueries, BoundedGranting, RolesService, GrantsService, DelegationsService, SeparationOfDuty, ResourceTypes, BreakGlassService, AskedRows, PermissionSearch, ExplainService, GraphService, SimulateService, AuthzenService, AuthorizationTransfer, WarmUp, FoundationRoles],
  exports: [PermissionsService, FoundationRoles],
})
export class PermissionsModule {}
