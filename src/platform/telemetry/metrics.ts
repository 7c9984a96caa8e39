import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Counter, Histogram, Registry } from 'prom-client';

/** Every Prometheus series of a process. Labels hold route templates and codes, never ids. */
@Injectable()
export class Metrics {
  readonly registry = new Registry();

  readonly requests = new Histogram({
    name: 'gloria_http_request_duration_seconds',
    help: 'HTTP requests by method, route template and status',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5],
    registers: [this.registry],
  });
  readonly cache = new Counter({
    name: 'gloria_cache_requests_total',
    help: 'Cache look-ups by prefix and result (compiled or hit in this process, shared in Redis, miss, error)',
    labelNames: ['prefix', 'result'],
    registers: [this.registry],
  });
  readonly authentication = new Counter({
    name: 'gloria_authentication_total',
    help: 'Authentication attempts by result',
    labelNames: ['result'],
    registers: [this.registry],
  });
  readonly decisions = new Counter({
    name: 'gloria_permission_decisions_total',
    help: 'Permission decisions by use (enforced or advisory) and result',
    labelNames: ['use', 'result'],
    registers: [this.registry],
  });
  readonly breakGlass = new Counter({
    name: 'gloria_break_glass_openings_total',
    help: 'Times access for emergencies was opened; any rise is worth a look',
    registers: [this.registry],
  });
  readonly rateLimited = new Counter({
    name: 'gloria_rate_limited_total',
    help: 'Requests refused by the rate limiter, by tier',
    labelNames: ['tier'],
    registers: [this.registry],
  });
  readonly outbox = new Counter({
    name: 'gloria_outbox_deliveries_total',
    help: 'Outbox deliveries by topic and result',
    labelNames: ['topic', 'result'],
    registers: [this.registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }
}
