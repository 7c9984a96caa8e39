import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Sent {
  From: string;
  To: string;
  Subject: string;
  TextBody: string;
  HtmlBody: string;
  Metadata: { id: string; foundation: string };
}

/** A local HTTP server that takes mail as Postmark does, checks the token, and refuses addresses it is told to. */
export class FakePostmark {
  readonly token = 'a-server-token';
  readonly sent: Sent[] = [];
  /** Addresses that bounced before. */
  readonly inactive = new Set<string>();
  /** Answers 503 to so many requests to come. */
  failNext = 0;
  url = '';
  private server: Server | null = null;

  async start(): Promise<this> {
    this.server = createServer((request, response) => {
      let text = '';
      request.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      request.on('end', () => {
        const [status, body] = this.answer(request.headers['x-postmark-server-token'], request.url, text);
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      });
    });
    await new Promise<void>((done) => this.server!.listen(0, '127.0.0.1', done));
    this.url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    return this;
  }

  private answer(token: string | string[] | undefined, path: string | undefined, text: string): [number, object] {
    if (this.failNext > 0) {
      this.failNext -= 1;
      return [503, { ErrorCode: 100, Message: 'Maintenance' }];
    }
    if (token !== this.token) return [401, { ErrorCode: 10, Message: 'Bad or missing Server API token.' }];
    if (path !== '/email') return [404, { ErrorCode: 701, Message: 'Not found.' }];
    const mail = JSON.parse(text) as Sent;
    if (this.inactive.has(mail.To)) return [422, { ErrorCode: 406, Message: `You tried to send to recipient(s) that have been marked as inactive. Found inactive addresses: ${mail.To}.` }];
    this.sent.push(mail);
    return [200, { ErrorCode: 0, Message: 'OK', MessageID: `m-${this.sent.length}`, SubmittedAt: new Date().toISOString(), To: mail.To }];
  }

  async stop(): Promise<void> {
    this.server?.closeAllConnections();
    await new Promise((done) => this.server?.close(done));
  }
}
