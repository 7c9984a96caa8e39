import { Body, Controller, Get, HttpCode, Patch, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { ZodResponse } from 'nestjs-zod';
import { type Actor, CurrentActor, SignedIn } from '../../access';
import { ListNotifications, MarkRead, NotificationPage, PreferencesResponse, Unread, UpdatePreferences } from './notifications.dto';
import { NotificationsService } from './notifications.service';

@ApiTags('notifications')
@Controller('me')
export class NotificationsController {
  constructor(private readonly notifications: NotificationsService) {}

  @Get('notifications')
  @ApiOperation({ summary: 'What the caller is told, newest first' })
  @SignedIn()
  @ZodResponse({ type: NotificationPage, status: 200 })
  list(@CurrentActor() actor: Actor, @Query() query: ListNotifications) {
    return this.notifications.list(actor, query);
  }

  @Get('notifications/unread')
  @ApiOperation({ summary: 'How many of them are not read' })
  @SignedIn()
  @ZodResponse({ type: Unread, status: 200 })
  unread(@CurrentActor() actor: Actor) {
    return this.notifications.unread(actor);
  }

  @Post('notifications/read')
  @ApiOperation({ summary: 'Marks some of them, or all, as read', description: 'What is read before its mail goes out is not mailed.' })
  @HttpCode(200)
  @SignedIn()
  @ZodResponse({ type: Unread, status: 200 })
  read(@CurrentActor() actor: Actor, @Body() { ids }: MarkRead) {
    return this.notifications.read(actor, ids);
  }

  @Get('notification-preferences')
  @ApiOperation({ summary: 'How the caller wants to be told' })
  @SignedIn()
  @ZodResponse({ type: PreferencesResponse, status: 200 })
  preferences(@CurrentActor() actor: Actor) {
    return this.notifications.preferences(actor);
  }

  @Patch('notification-preferences')
  @ApiOperation({ summary: 'Changes it', description: 'What is left out stays as it is.' })
  @SignedIn()
  @ZodResponse({ type: PreferencesResponse, status: 200 })
  prefer(@CurrentActor() actor: Actor, @Body() input: UpdatePreferences) {
    return this.notifications.prefer(actor, input);
  }
}
