import { Global, Module } from '@nestjs/common';
import { DeliveringService } from './delivering.service';
import { EndpointsService } from './endpoints.service';
import { WebhookSecrets } from './secrets';
import { DeliveriesController, EndpointsController } from './webhooks.controller';
import { WebhooksService } from './webhooks.service';

export { DeliveringService, refusalOf } from './delivering.service';
export { type Answer, type Step, type Wanted, WebhooksService } from './webhooks.service';

@Global()
@Module({
  controllers: [EndpointsController, DeliveriesController],
  providers: [DeliveringService, EndpointsService, WebhookSecrets, WebhooksService],
  exports: [DeliveringService, WebhooksService],
})
export class WebhooksModule {}
