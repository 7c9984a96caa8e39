import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Counter, Histogram, Registry } from 'prom-client';

/** Counts that are taken over when the series is read: on the way of a decision, an addition is all there is time for. */
export class Tally {
  private pending = 0;

  add(): void {
    this.pending += 1;
  }

  /** How many since it was last asked. */
  take(): number {
    const { pending } = this;
    this.pending = 0;
    return pending;
  }
}

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
  readonly timerLag = new Histogram({
    name: 'gloria_timer_lag_seconds',
    help: 'How long after it was due a timer of a request fired',
    buckets: [0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300],
    registers: [this.registry],
  });
  readonly transitions = new Counter({
    name: 'gloria_workflow_transitions_total',
    help: 'What happened to requests, by event',
    labelNames: ['event'],
    registers: [this.registry],
  });
  readonly stepWait = new Histogram({
    name: 'gloria_workflow_step_wait_seconds',
    help: 'How long steps waited until they were over, by how they ended',
    labelNames: ['state'],
    buckets: [60, 600, 3_600, 14_400, 86_400, 259_200, 604_800, 2_592_000],
    registers: [this.registry],
  });
  readonly webhooks = new Counter({
    name: 'gloria_webhook_deliveries_total',
    help: 'Requests to other systems, by what became of them',
    labelNames: ['result'],
    registers: [this.registry],
  });
  readonly outbox = new Counter({
    name: 'gloria_outbox_deliveries_total',
    help: 'Outbox deliveries by topic and result',
    labelNames: ['topic', 'result'],
    registers: [this.registry],
  });

  private readonly tallies: { counter: Counter; labels: Record<string, string>; tally: Tally }[] = [];

  /** A tally of one series, for where it is counted very often. */
  tally<T extends string>(counter: Counter<T>, labels: Record<T, string>): Tally {
    const tally = new Tally();
    this.tallies.push({ counter: counter as Counter, labels, tally });
    return tally;
  }

  /** The series as text, tallies taken over. */
  async text(): Promise<string> {
    for (const { counter, labels, tally } of this.tallies) {
      const more = tally.take();
      if (more > 0) counter.inc(labels, more);
    }
    return this.registry.metrics();
  }

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }
}
