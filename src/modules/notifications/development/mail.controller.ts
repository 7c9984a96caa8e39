import { Controller, Get, Header } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { SkipThrottle } from '@nestjs/throttler';
import { Public } from '../../../access';
import { xmlText } from '../../../http';
import { FolderMailer, Mailer } from '../../../platform/mail';

/** Mails that were written to a folder. Exists only where nothing is sent and sign-in is the development issuer’s. */
@ApiExcludeController()
@SkipThrottle()
@Controller('dev/mail')
export class MailController {
  constructor(private readonly mailer: Mailer) {}

  @Get()
  @Public()
  @Header('Content-Type', 'text/html; charset=utf-8')
  @Header('Content-Security-Policy', "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; frame-ancestors 'none'")
  async page(): Promise<string> {
    const mails = this.mailer instanceof FolderMailer ? await this.mailer.latest(50) : [];
    const item = ({ at, to, subject, html }: (typeof mails)[number]) => `<details><summary><time>${xmlText(at.slice(0, 19).replace('T', ' '))}</time> <b>${xmlText(subject)}</b> <span>${xmlText(to)}</span></summary><iframe sandbox="allow-popups allow-popups-to-escape-sandbox" srcdoc="${xmlText(`<base target="_blank">${html}`)}"></iframe></details>`;
    return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Mail</title><style>body{font:15px/1.5 system-ui,sans-serif;color:#1c2430;max-width:860px;margin:32px auto;padding:0 16px}summary{padding:8px 0;border-bottom:1px solid #d8dee8;cursor:pointer}time,span{color:#5b6470;font-size:13px}iframe{width:100%;height:260px;border:1px solid #d8dee8;background:#fff}</style><h1>Mail</h1><p>What would have been sent, the latest first. ${mails.length === 0 ? 'Nothing yet.' : ''}</p>${mails.map(item).join('')}</html>`;
  }
}
