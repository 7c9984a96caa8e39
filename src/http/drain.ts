import type { Server } from 'node:http';
import type { NextFunction, Request, Response } from 'express';

const LONGEST_REQUEST_MS = 10_000;

/** Whether this process is on its way out. Readiness says no from then on and every answer closes its connection. */
export class Drain {
  private draining = false;

  get started(): boolean {
    return this.draining;
  }

  /** Marks draining, leaves the balancer time to notice, then closes idle connections. */
  async run(server: Server, seconds: number): Promise<void> {
    this.draining = true;
    await new Promise((done) => setTimeout(done, seconds * 1000));
    server.closeIdleConnections();
    // A client that never finishes sending must not keep the process for ever.
    setTimeout(() => server.closeAllConnections(), LONGEST_REQUEST_MS).unref();
  }

  readonly middleware = (_request: Request, response: Response, next: NextFunction): void => {
    if (this.draining) response.setHeader('Connection', 'close');
    next();
  };
}
