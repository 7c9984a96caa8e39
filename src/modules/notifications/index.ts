import { type DynamicModule, Module } from '@nestjs/common';
import type { Config } from '../../platform/config';
import { MailController } from './development/mail.controller';
import { MailingService } from './mailing.service';
import { PostmarkController } from './postmark.controller';
import { SuppressionsService } from './suppressions.service';
import { NotificationsController } from './notifications.controller';
import { NotificationsService } from './notifications.service';

export type { Facts, Kind } from './kinds';
export { type Notice, NotificationsService } from './notifications.service';

@Module({})
export class NotificationsModule {
  /** The page of mails exists only where the configuration has the development issuer and sends none. */
  static of({ identity, mail }: Config): DynamicModule {
    return {
      module: NotificationsModule,
      global: true,
      controllers: [NotificationsController, PostmarkController, ...(identity.kind === 'development' && mail.by.kind === 'folder' ? [MailController] : [])],
      providers: [MailingService, NotificationsService, SuppressionsService],
      exports: [NotificationsService],
    };
  }
}
