import type { Server } from 'node:http';
import type { NextFunction, Request, Response } from 'express';

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
  }

  readonly middleware = (_request: Request, response: Response, next: NextFunction): void => {
    if (this.draining) response.setHeader('Connection', 'close');
    next();
  };
}
