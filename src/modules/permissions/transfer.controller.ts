import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { ZodResponse } from 'nestjs-zod';
import { type Actor, CurrentActor, RequirePermission } from '../../access';
import { AuthorizationDocument, ImportAuthorizationQuery, ImportAuthorizationReport } from './transfer.dto';
import { AuthorizationTransfer } from './transfer.service';

@ApiTags('permissions')
@Controller('permissions')
export class AuthorizationTransferController {
  constructor(private readonly transfer: AuthorizationTransfer) {}

  @Get('export')
  @ApiOperation({ summary: 'Authorization as one document of names', description: 'Resource types, permissions, roles, grants, role assignments and separation of duty. Without grants for single rows, delegations and what is sealed for emergencies.' })
  @RequirePermission('permission:read')
  @ZodResponse({ type: AuthorizationDocument, status: 200 })
  export(@CurrentActor() actor: Actor) {
    return this.transfer.export(actor);
  }

  @Post('import')
  @ApiOperation({ summary: 'Add what a document names and is not there', description: 'All or nothing, by the same rules as one at a time; takes nothing away. `dryRun=true` says what would be added.' })
  @HttpCode(200)
  @RequirePermission('role:write')
  @ZodResponse({ type: ImportAuthorizationReport, status: 200 })
  import(@CurrentActor() actor: Actor, @Query() { dryRun }: ImportAuthorizationQuery, @Body() document: AuthorizationDocument) {
    return this.transfer.import(actor, document, { dryRun: dryRun === 'true' });
  }
}
