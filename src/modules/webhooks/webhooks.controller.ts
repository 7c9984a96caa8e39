import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { ZodResponse } from 'nestjs-zod';
import { type Actor, CurrentActor, RequirePermission } from '../../access';
import { Etagged, IfMatch, TakesIfMatch } from '../../http';
import { EndpointsService } from './endpoints.service';
import { CreateEndpoint, DeliveryPage, DeliveryResponse, EndpointMade, EndpointPage, EndpointResponse, IdParam, ListDeliveriesQuery, ListEndpointsQuery, Pinged, UpdateEndpoint } from './webhooks.dto';
import { WebhooksService } from './webhooks.service';

@ApiTags('webhooks')
@Controller('webhook-endpoints')
export class EndpointsController {
  constructor(private readonly endpoints: EndpointsService) {}

  @Get()
  @ApiOperation({ summary: 'Which other systems are told what' })
  @RequirePermission('workflow:publish')
  @ZodResponse({ type: EndpointPage, status: 200 })
  list(@CurrentActor() actor: Actor, @Query() query: ListEndpointsQuery) {
    return this.endpoints.list(actor, query);
  }

  @Post()
  @ApiOperation({ summary: 'Tells another system what happens, or lets definitions ask it to carry out steps', description: 'Requests are signed (Standard Webhooks); the secret is in this answer only.' })
  @RequirePermission('workflow:publish')
  @ZodResponse({ type: EndpointMade, status: 201 })
  create(@CurrentActor() actor: Actor, @Body() input: CreateEndpoint) {
    return this.endpoints.create(actor, input);
  }

  @Get(':id')
  @ApiOperation({ summary: 'Read one' })
  @Etagged()
  @RequirePermission('workflow:publish')
  @ZodResponse({ type: EndpointResponse, status: 200 })
  get(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
    return this.endpoints.get(actor, id);
  }

  @Patch(':id')
  @ApiOperation({ summary: 'Change where it is told, of what, or whether now', description: 'Based on what was read: If-Match, or its `version`.' })
  @TakesIfMatch()
  @Etagged()
  @RequirePermission('workflow:publish')
  @ZodResponse({ type: EndpointResponse, status: 200 })
  update(@CurrentActor() actor: Actor, @Param() { id }: IdParam, @Body() input: UpdateEndpoint, @IfMatch() ifMatch: string | undefined) {
    return this.endpoints.update(actor, id, input, ifMatch);
  }

  @Post(':id/secret')
  @ApiOperation({ summary: 'Gives it a new secret', description: 'For a day requests are signed with the one before as well.' })
  @RequirePermission('workflow:publish')
  @ZodResponse({ type: EndpointMade, status: 201 })
  renew(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
    return this.endpoints.renew(actor, id);
  }

  @Post(':id/ping')
  @ApiOperation({ summary: 'Tells it something that means nothing', description: 'What became of it is among the deliveries.' })
  @RequirePermission('workflow:publish')
  @ZodResponse({ type: Pinged, status: 201 })
  ping(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
    return this.endpoints.ping(actor, id);
  }

  @Delete(':id')
  @ApiOperation({ summary: 'Tells it nothing more' })
  @HttpCode(204)
  @RequirePermission('workflow:publish')
  remove(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
    return this.endpoints.remove(actor, id);
  }
}

@ApiTags('webhooks')
@Controller('webhook-deliveries')
export class DeliveriesController {
  constructor(private readonly webhooks: WebhooksService) {}

  @Get()
  @ApiOperation({ summary: 'What other systems were told, and what became of it; newest first' })
  @RequirePermission('workflow:publish')
  @ZodResponse({ type: DeliveryPage, status: 200 })
  list(@CurrentActor() actor: Actor, @Query() query: ListDeliveriesQuery) {
    return this.webhooks.list(actor, query);
  }

  @Post(':id/retry')
  @ApiOperation({ summary: 'Tells it again' })
  @HttpCode(200)
  @RequirePermission('workflow:publish')
  @ZodResponse({ type: DeliveryResponse, status: 200 })
  retry(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
    return this.webhooks.retry(actor, id);
  }
}
