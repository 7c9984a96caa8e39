import { type DynamicModule, Module } from '@nestjs/common';
import type { Config } from '../../platform/config';
import { ApiKeysService } from './api-keys.service';
import { AuthController, MeController } from './auth.controller';
import { DevelopmentController } from './development/development.controller';
import { InvitationsService } from './invitations.service';
import { AuthRows } from './rows';
import { SessionsService } from './sessions.service';

export { AuthGuard } from './auth.guard';
export { DEMONSTRATION_ORGANIZATION } from './development/development.controller';
export { InvitationsService } from './invitations.service';

@Module({})
export class AuthModule {
  /** The sign-in page exists only where the configuration has the development issuer. */
  static of({ identity }: Config): DynamicModule {
    return {
      module: AuthModule,
      global: true,
      controllers: [MeController, AuthController, ...(identity.kind === 'development' ? [DevelopmentController] : [])],
      providers: [SessionsService, InvitationsService, ApiKeysService, AuthRows],
      exports: [SessionsService, InvitationsService, ApiKeysService],
    };
  }
}
