import { timingSafeEqual, createHash } from 'node:crypto';
import { Body, Controller, Headers, HttpCode, Inject, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Problem, Public } from '../../access';
import { CONFIG, type Config } from '../../platform/config';
import { PostmarkReport } from './notifications.dto';
import { SuppressionsService } from './suppressions.service';

/** Where Postmark reports what has become of mails. */
@ApiTags('notifications')
@Controller('webhooks/postmark')
export class PostmarkController {
  constructor(
    private readonly suppressions: SuppressionsService,
    @Inject(CONFIG) private readonly config: Pick<Config, 'mail'>,
  ) {}

  @Post()
  @ApiOperation({ summary: 'Takes Postmark’s reports of bounces, complaints and suppressions', description: 'HTTP Basic with the user name `postmark`. An address that takes no mail is mailed no more; other reports change nothing.' })
  @HttpCode(204)
  @Public()
  async report(@Headers('authorization') authorization: string | undefined, @Body() report: PostmarkReport): Promise<void> {
    const { webhookPassword } = this.config.mail;
    const expected = `Basic ${Buffer.from(`postmark:${webhookPassword ?? ''}`).toString('base64')}`;
    if (webhookPassword === null || !same(authorization ?? '', expected)) throw new Problem('AUTH_TOKEN_INVALID', { reason: 'the password of the webhook' });
    await this.suppressions.take(report);
  }
}

/** Compared in a time that says nothing of where they differ. */
function same(one: string, other: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}
