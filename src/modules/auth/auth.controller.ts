import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { ZodResponse } from 'nestjs-zod';
import { type Actor, AnyToken, CurrentActor, CurrentCaller, RequirePermission, SignedIn, type UnlinkedUser } from '../../access';
import { ApiKeysService } from './api-keys.service';
import {
  ApiKeyPage, CreateApiKey, CreatedApiKey, CreateInvitation, IdParam, InvitationResponse, ListApiKeysQuery, ListSessionsQuery, MeResponse, RedeemInvitation, SessionPage, SidParam,
} from './auth.dto';
import { InvitationsService } from './invitations.service';
import { SessionsService } from './sessions.service';

@ApiTags('me')
@Controller()
export class MeController {
  constructor(
    private readonly sessions: SessionsService,
    private readonly invitations: InvitationsService,
  ) {}

  @Get(['me', 'auth/me'])
  @ApiOperation({ summary: 'Who the caller is' })
  @AnyToken()
  @ZodResponse({ type: MeResponse, status: 200 })
  me(@CurrentCaller() caller: Actor | UnlinkedUser) {
    return {
      linked: caller.kind !== 'unlinked',
      foundationId: caller.foundationId,
      person: caller.kind === 'user' ? { id: caller.personId, name: caller.personName } : null,
      caller: caller.kind === 'api_key' ? ('api_key' as const) : ('user' as const),
      sessionId: caller.kind === 'user' || caller.kind === 'unlinked' ? caller.sessionId : null,
      locale: caller.locale,
      timezone: caller.timezone,
    };
  }

  @Post('me/link')
  @ApiOperation({ summary: 'Redeems an invitation: from then on the caller is the person it was made for' })
  @HttpCode(204)
  @AnyToken()
  async link(@CurrentCaller() caller: Actor | UnlinkedUser, @Body() { code }: RedeemInvitation): Promise<void> {
    await this.invitations.redeem(caller, code);
  }

  @Get('me/sessions')
  @ApiOperation({ summary: 'List the caller’s sessions' })
  @SignedIn()
  @ZodResponse({ type: SessionPage, status: 200 })
  listSessions(@CurrentActor() actor: Actor, @Query() query: ListSessionsQuery) {
    return this.sessions.listOwn(actor, query);
  }

  @Delete('me/sessions/:sid')
  @ApiOperation({ summary: 'Ends a session of the caller\'s, this one included', description: 'Its tokens are refused from the next request on.' })
  @HttpCode(204)
  @SignedIn()
  endSession(@CurrentActor() actor: Actor, @Param() { sid }: SidParam) {
    return this.sessions.end(actor, sid);
  }
}

@ApiTags('access')
@Controller()
export class AuthController {
  constructor(
    private readonly sessions: SessionsService,
    private readonly invitations: InvitationsService,
    private readonly apiKeys: ApiKeysService,
  ) {}

  @Delete('sessions/:sid')
  @ApiOperation({ summary: 'Ends anybody\'s session' })
  @HttpCode(204)
  @RequirePermission('session:end')
  endAnySession(@CurrentActor() actor: Actor, @Param() { sid }: SidParam) {
    return this.sessions.end(actor, sid);
  }

  @Post('invitations')
  @ApiOperation({ summary: 'Invites a person to sign in', description: 'The code in the answer is shown once.' })
  @RequirePermission('person:invite')
  @ZodResponse({ type: InvitationResponse, status: 201 })
  invite(@CurrentActor() actor: Actor, @Body() input: CreateInvitation) {
    return this.invitations.create(actor, input);
  }

  @Get('api-keys')
  @ApiOperation({ summary: 'List API keys' })
  @RequirePermission('api-key:read')
  @ZodResponse({ type: ApiKeyPage, status: 200 })
  listApiKeys(@CurrentActor() actor: Actor, @Query() query: ListApiKeysQuery) {
    return this.apiKeys.list(actor, query);
  }

  @Post('api-keys')
  @ApiOperation({ summary: 'Makes a key for another service', description: 'The key text is in this answer only.' })
  @RequirePermission('api-key:write')
  @ZodResponse({ type: CreatedApiKey, status: 201 })
  createApiKey(@CurrentActor() actor: Actor, @Body() input: CreateApiKey) {
    return this.apiKeys.create(actor, input);
  }

  @Delete('api-keys/:id')
  @ApiOperation({ summary: 'Revoke an API key', description: 'Refused from the next request on.' })
  @HttpCode(204)
  @RequirePermission('api-key:write')
  revokeApiKey(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
    return this.apiKeys.revoke(actor, id);
  }
}
