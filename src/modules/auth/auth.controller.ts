import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
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

  /** Who the caller is. */
  @Get(['me', 'auth/me'])
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

  /** Redeems an invitation: from then on the caller is the person it was made for. */
  @Post('me/link')
  @HttpCode(204)
  @AnyToken()
  async link(@CurrentCaller() caller: Actor | UnlinkedUser, @Body() { code }: RedeemInvitation): Promise<void> {
    await this.invitations.redeem(caller, code);
  }

  @Get('me/sessions')
  @SignedIn()
  @ZodResponse({ type: SessionPage, status: 200 })
  listSessions(@CurrentActor() actor: Actor, @Query() query: ListSessionsQuery) {
    return this.sessions.listOwn(actor, query);
  }

  /** Ends a session of the caller's, this one included; its tokens are refused from the next request on. */
  @Delete('me/sessions/:sid')
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

  /** Ends anybody's session. */
  @Delete('sessions/:sid')
  @HttpCode(204)
  @RequirePermission('session:end')
  endAnySession(@CurrentActor() actor: Actor, @Param() { sid }: SidParam) {
    return this.sessions.end(actor, sid);
  }

  /** Invites a person to sign in; the code in the answer is shown once. */
  @Post('invitations')
  @RequirePermission('person:invite')
  @ZodResponse({ type: InvitationResponse, status: 201 })
  invite(@CurrentActor() actor: Actor, @Body() input: CreateInvitation) {
    return this.invitations.create(actor, input);
  }

  @Get('api-keys')
  @RequirePermission('api-key:read')
  @ZodResponse({ type: ApiKeyPage, status: 200 })
  listApiKeys(@CurrentActor() actor: Actor, @Query() query: ListApiKeysQuery) {
    return this.apiKeys.list(actor, query);
  }

  /** Makes a key for another service; the key text is in this answer only. */
  @Post('api-keys')
  @RequirePermission('api-key:write')
  @ZodResponse({ type: CreatedApiKey, status: 201 })
  createApiKey(@CurrentActor() actor: Actor, @Body() input: CreateApiKey) {
    return this.apiKeys.create(actor, input);
  }

  @Delete('api-keys/:id')
  @HttpCode(204)
  @RequirePermission('api-key:write')
  revokeApiKey(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
    return this.apiKeys.revoke(actor, id);
  }
}
