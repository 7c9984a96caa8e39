import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { ZodResponse } from 'nestjs-zod';
import { type Actor, CurrentActor, RequirePermission } from '../../access';
import { ListMessages, MessagePage, MessageResponse, SendMessageInput } from './messages.dto';
import { MessagesService } from './messages.service';
import { IdParam } from './workflow.dto';

@ApiTags('workflow')
@Controller('workflow/messages')
export class MessagesController {
  constructor(private readonly messages: MessagesService) {}

  @Post()
  @ApiOperation({ summary: 'Tells the request that waits for it what another system knows', description: 'Kept until one waits for it, where none does yet.' })
  @RequirePermission('workflow:complete')
  @ZodResponse({ type: MessageResponse, status: 201 })
  send(@CurrentActor() actor: Actor, @Body() input: SendMessageInput) {
    return this.messages.send(actor, input);
  }

  @Get()
  @ApiOperation({ summary: 'What other systems have told requests, newest first' })
  @RequirePermission('workflow:administer')
  @ZodResponse({ type: MessagePage, status: 200 })
  list(@CurrentActor() actor: Actor, @Query() query: ListMessages) {
    return this.messages.list(actor, query);
  }

  @Delete(':id')
  @ApiOperation({ summary: 'Gives up a message that no request has got' })
  @HttpCode(204)
  @RequirePermission('workflow:administer')
  async discard(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
    await this.messages.discard(actor, id);
  }
}
