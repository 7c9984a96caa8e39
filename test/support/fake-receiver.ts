import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';

export interface Received {
  id: string;
  type: string;
  data: Record<string, unknown>;
  /** Whether the signature is right, by the library receivers use. */
  verified: boolean;
  signatures: number;
}

/** A local HTTP server that is told things: checks signatures, keeps what came, and answers as it is told to. */
export class FakeReceiver {
  readonly received: Received[] = [];
  secret = '';
  /** What it answers, in their order; afterwards 200 with nothing. */
  readonly answers: { status: number; body?: unknown; headers?: Record<string, string>; afterMs?: number }[] = [];
  /** Requests under way at once, at most. */
  most = 0;
  url = '';
  private server: Server | null = null;
  private under = 0;

  async start(): Promise<this> {
    this.server = createServer((request, response) => {
      let text = '';
      this.most = Math.max(this.most, (this.under += 1));
      request.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      request.on('end', () => {
        const body = JSON.parse(text) as { type: string; data: Record<string, unknown> };
        const headers = request.headers as Record<string, string>;
        this.received.push({ id: headers['webhook-id']!, type: body.type, data: body.data, verified: this.verifies(text, headers), signatures: headers['webhook-signature']!.split(' ').length });
        const { status, body: answer, headers: more, afterMs = 0 } = this.answers.shift() ?? { status: 200 };
        setTimeout(() => {
          this.under -= 1;
          response.writeHead(status, { 'content-type': 'application/json', ...more }).end(answer === undefined ? '' : JSON.stringify(answer));
        }, afterMs);
      });
    });
    await new Promise<void>((done) => this.server!.listen(0, '127.0.0.1', done));
    this.url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/told`;
    return this;
  }

  private verifies(text: string, headers: Record<string, string>): boolean {
    try {
      new Webhook(this.secret).verify(text, headers);
      return true;
    } catch {
      return false;
    }
  }

  async stop(): Promise<void> {
    await new Promise((done) => this.server!.close(done));
  }
}
