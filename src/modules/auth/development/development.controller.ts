import { Body, Controller, Get, Header, HttpCode, Inject, Post, Query } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { SkipThrottle } from '@nestjs/throttler';
import { createZodDto } from 'nestjs-zod';
import { z } from 'zod';
import { Problem, Public } from '../../../access';
import { DEVELOPMENT_ISSUER, type DevelopmentIssuer } from '../../../platform/clerk';
import { Database, type Tx } from '../../../platform/database';
import { signInPage, signInScript, swaggerScript } from './pages';

/** The demonstration foundation's organization id in development tokens. */
export const DEMONSTRATION_ORGANIZATION = 'org_demo';

const organization = z.string().regex(/^org_[a-z0-9_]{1,60}$/).default(DEMONSTRATION_ORGANIZATION);
class TokenRequest extends createZodDto(
  z.strictObject({ person: z.string().regex(/^[a-z0-9_]{1,60}$/), sessionId: z.string().regex(/^sess_dev_[0-9a-f]{24}$/).optional(), organization, unlinked: z.boolean().default(false) }),
) {}
class PeopleQuery extends createZodDto(z.strictObject({ organization })) {}

/**
 * Signing in without an account. Exists only where the configuration has the development issuer, which production
 * refuses; whoever reaches it may be anybody, which is its purpose.
 */
@ApiExcludeController()
@SkipThrottle()
@Controller('dev')
export class DevelopmentController {
  constructor(
    @Inject(DEVELOPMENT_ISSUER) private readonly issuer: DevelopmentIssuer,
    private readonly database: Database,
  ) {}

  @Get('sign-in')
  @Public()
  @Header('Content-Type', 'text/html; charset=utf-8')
  @Header('Content-Security-Policy', "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'")
  async signIn(@Query() query: PeopleQuery): Promise<string> {
    return signInPage(await this.people(query.organization));
  }

  @Get('sign-in.js')
  @Public()
  @Header('Content-Type', 'text/javascript; charset=utf-8')
  signInJs(): string {
    return signInScript;
  }

  @Get('swagger-session.js')
  @Public()
  @Header('Content-Type', 'text/javascript; charset=utf-8')
  swaggerJs(): string {
    return swaggerScript;
  }

  /** A 60-second token for a linked person (or, asked for, anybody), in a new session or a given one: Clerk's refresh. */
  @Post('tokens')
  @HttpCode(200)
  @Public()
  async token(@Body() input: TokenRequest) {
    const clerkUserId = `user_${input.person}`;
    const known = input.unlinked || (await this.inFoundation(input.organization, (tx) => tx.userAccount.count({ where: { clerkUserId } })));
    if (!known) throw new Problem('NOT_FOUND');
    const sessionId = input.sessionId ?? this.issuer.newSessionId();
    return { sessionId, token: this.issuer.mint({ clerkUserId, organizationId: input.organization, sessionId }) };
  }

  private async people(organizationId: string) {
    const accounts = await this.inFoundation(organizationId, (tx) =>
      tx.userAccount.findMany({
        take: 100,
        orderBy: { person: { employeeNumber: 'asc' } },
        include: { person: { include: { appointments: { include: { position: { include: { unit: true } } } } } } },
      }),
    );
    return (accounts ?? []).map(({ clerkUserId, person }) => ({
      handle: clerkUserId.replace(/^user_/, ''),
      name: person.fullName,
      posts: person.appointments.map(({ position }) => `${position.title}, ${position.unit.name}`),
    }));
  }

  private async inFoundation<T>(organizationId: string, work: (tx: Tx) => Promise<T>): Promise<T | null> {
    const [row] = await this.database.hot<{ foundation_id: string | null }>('SELECT foundation_id FROM gloria_begin_request($1, $2, $3)', [organizationId, '', '']);
    return row?.foundation_id ? this.database.withTenant({ foundationId: row.foundation_id }, work) : null;
  }
}
