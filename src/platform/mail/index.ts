import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Global, Module } from '@nestjs/common';
import { Errors, Models, ServerClient } from 'postmark';
import { CONFIG, type Config } from '../config';

export interface Mail {
  /** What it is about, for whoever reads the provider’s log; no secret. */
  id: string;
  /** Whose mail it is; the provider hands both back with what it reports. */
  foundationId: string;
  to: string;
  subject: string;
  text: string;
  html: string;
}

/** The address takes no mail: it bounced before, or is none. Sending again would not help. */
export class MailRefused extends Error {}

/** Sends mail. Rejects where it could not be handed over; MailRefused where it never will be. */
export abstract class Mailer {
  /** Whether there is any way to send. */
  readonly sends: boolean = true;
  abstract send(mail: Mail): Promise<void>;
}

export class PostmarkMailer extends Mailer {
  private readonly client: ServerClient;

  constructor(
    token: string,
    apiUrl: string,
    private readonly from: string,
  ) {
    super();
    const { protocol, host } = new URL(apiUrl);
    this.client = new ServerClient(token, { useHttps: protocol === 'https:', requestHost: host, timeout: 10 });
  }

  async send({ id, foundationId, to, subject, text, html }: Mail): Promise<void> {
    try {
      await this.client.sendEmail({ From: this.from, To: to, Subject: subject, TextBody: text, HtmlBody: html, MessageStream: 'outbound', Metadata: { id, foundation: foundationId }, TrackOpens: false, TrackLinks: Models.LinkTrackingOptions.None });
    } catch (error) {
      if (error instanceof Errors.InactiveRecipientsError || error instanceof Errors.InvalidEmailRequestError) throw new MailRefused(error.message);
      throw error;
    }
  }
}

/** Without a Postmark token: a file for each mail, in the order they were sent. */
export class FolderMailer extends Mailer {
  constructor(private readonly dir: string) {
    super();
  }

  async send(mail: Mail): Promise<void> {
    await mkdir(this.dir, { recursive: true });
    const draft = join(this.dir, `.${randomUUID()}`);
    const at = new Date().toISOString();
    await writeFile(draft, JSON.stringify({ at, ...mail }, null, 2), { mode: 0o600 });
    await rename(draft, join(this.dir, `${at.replace(/[:.]/g, '-')}-${mail.id}.json`));
  }

  /** The latest first. */
  async latest(limit: number): Promise<(Mail & { at: string })[]> {
    const names = await readdir(this.dir).catch((): string[] => []);
    const files = names.filter((name) => name.endsWith('.json')).sort().reverse().slice(0, limit);
    return Promise.all(files.map(async (name) => JSON.parse(await readFile(join(this.dir, name), 'utf8')) as Mail & { at: string }));
  }
}

/** In production without Postmark: nobody is mailed, and nothing personal piles up in a folder. */
export class NoMailer extends Mailer {
  override readonly sends = false;

  send(): Promise<void> {
    return Promise.reject(new MailRefused('no mail is sent from here'));
  }
}

function mailerOf({ mail: { by } }: Config): Mailer {
  if (by.kind === 'postmark') return new PostmarkMailer(by.token, by.apiUrl, by.from);
  return by.kind === 'folder' ? new FolderMailer(by.dir) : new NoMailer();
}

@Global()
@Module({
  providers: [{ provide: Mailer, inject: [CONFIG], useFactory: mailerOf }],
  exports: [Mailer],
})
export class MailModule {}
