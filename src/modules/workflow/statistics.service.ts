import { Injectable } from '@nestjs/common';
import { type Actor, PermissionPort, sqlFromFilter } from '../../access';
import { Database, type Tx } from '../../platform/database';
import { DefinitionsService } from './definitions.service';
import { titleOf } from './instances.view';
import { REQUEST_COLUMNS } from './rows';
import { DUE } from './service-level';
import type { Statistics, StatisticsQueryInput } from './workflow.dto';

interface RequestRow {
  key: string;
  filed: number;
  running: number;
  completed: number;
  rejected: number;
  withdrawn: number;
  cancelled: number;
  sent_back: number;
  median: number | null;
  p90: number | null;
}

interface StepRow {
  key: string;
  node: string;
  open: number;
  answered: number;
  sent_back: number;
  overdue: number;
  median: number | null;
  p90: number | null;
}

/** How long requests take, where they wait, and how many go back. */
@Injectable()
export class StatisticsService {
  constructor(
    private readonly database: Database,
    private readonly permissions: PermissionPort,
    private readonly definitions: DefinitionsService,
  ) {}

  /** Of requests the caller may see that were submitted last in this time: by kind, and by step, the slowest first. Hours by the clock. */
  async of(actor: Actor, { key, from, until }: StatisticsQueryInput): Promise<Statistics> {
    const filter = await this.permissions.filter(actor, 'workflow:read', 'request');
    return this.database.withTenant(actor, async (tx) => {
      const parameters: unknown[] = [];
      const visible = sqlFromFilter(filter, 'request', REQUEST_COLUMNS, parameters);
      if (visible === null) return { requests: [], steps: [] };
      const bind = (value: unknown, type: string) => `$${parameters.push(value)}::${type}`;
      const seen = `SELECT i.foundation_id, i.id, i.key, i.state, i.submitted_at, i.ended_at FROM workflow_instance i JOIN org_unit u ON u.foundation_id = i.foundation_id AND u.id = i.unit_id
         WHERE ${visible} AND i.submitted_at >= ${bind(from, 'timestamptz')} AND i.submitted_at < ${bind(until ?? new Date().toISOString(), 'timestamptz')} AND (${bind(key ?? null, 'text')} IS NULL OR i.key = $${parameters.length})`;
      const hours = (end: string, start: string, when: string) => [0.5, 0.9].map((at) => `percentile_cont(${at}) WITHIN GROUP (ORDER BY extract(epoch FROM ${end} - ${start}) / 3600) FILTER (WHERE ${when})`);
      const [median, p90] = hours('s.ended_at', 's.submitted_at', `s.state = 'completed'`);
      const requests = await tx.$queryRawUnsafe<RequestRow[]>(
        `WITH seen AS (${seen})
         SELECT s.key, count(*)::int AS filed, ${['running', 'completed', 'rejected', 'withdrawn', 'cancelled'].map((state) => `count(*) FILTER (WHERE s.state = '${state}')::int AS ${state}`).join(', ')},
                count(*) FILTER (WHERE EXISTS (SELECT FROM workflow_history h WHERE h.foundation_id = s.foundation_id AND h.instance_id = s.id AND h.event = 'returned'))::int AS sent_back, ${median} AS median, ${p90} AS p90
           FROM seen s GROUP BY s.key ORDER BY s.key`,
        ...parameters,
      );
      const answered = `t.state IN ('approved', 'rejected', 'returned', 'completed')`;
      const [waited, longest] = hours('t.closed_at', 't.created_at', answered);
      const steps = await tx.$queryRawUnsafe<StepRow[]>(
        `WITH seen AS (${seen})
         SELECT s.key, t.node, count(*) FILTER (WHERE t.state = 'open')::int AS open, count(*) FILTER (WHERE ${answered})::int AS answered, count(*) FILTER (WHERE t.state = 'returned')::int AS sent_back,
                count(*) FILTER (WHERE ${DUE} = ANY (t.fired))::int AS overdue, ${waited} AS median, ${longest} AS p90
           FROM seen s JOIN workflow_task t ON t.foundation_id = s.foundation_id AND t.instance_id = s.id GROUP BY s.key, t.node ORDER BY p90 DESC NULLS LAST, s.key, t.node`,
        ...parameters,
      );
      const titles = await this.titles(tx, actor, requests.map((row) => row.key));
      const round = (value: number | null) => (value === null ? null : Math.round(value * 100) / 100);
      return {
        requests: requests.map(({ key: of, sent_back: sentBack, median: m, p90: p, ...counts }) => ({ key: of, title: titles(of), ...counts, sentBack, medianHours: round(m), p90Hours: round(p) })),
        steps: steps.map(({ key: of, node, sent_back: sentBack, median: m, p90: p, ...counts }) => ({ key: of, node, title: titles(of, node), ...counts, sentBack, medianHours: round(m), p90Hours: round(p) })),
      };
    });
  }

  /** What kinds and steps are called in their newest version; their names, where it has no such step. */
  private async titles(tx: Tx, actor: Actor, keys: readonly string[]): Promise<(key: string, node?: string) => string> {
    const known = new Map(await Promise.all(keys.map(async (key) => [key, (await this.definitions.byKey(tx, key)).definition] as const)));
    return (key, node) => (node === undefined ? known.get(key)!.title[actor.locale] : titleOf(known.get(key)!, node, actor.locale));
  }
}
