import type { Tx } from '../../platform/database';
import type { CandidateReason } from './candidates';
import { partAnswered } from './instances.store';
import { DUE } from './service-level';

/** A step that waits for somebody, or for somebody in whose place they stand. */
export interface InboxRow {
  task_id: string;
  instance_id: string;
  definition_id: string;
  key: string;
  node: string;
  since: Date;
  reason: CandidateReason;
  /** In whose place, the first being who is asked; of one's own: nobody. */
  chain: string[];
  until: Date | null;
  claimed_by: string | null;
  asking: boolean;
  initiator_id: string;
  initiator: string;
  form: Record<string, unknown>;
  due_at: Date | null;
  overdue: boolean;
}

/**
 * So many of them after a task, oldest first. For each person one stands in for a page by their index on candidates, then
 * merged: as many as there are substitutions, which are few, however much waits.
 */
export function inboxRows(tx: Tx, personId: string, key: string | null, after: string | null, take: number): Promise<InboxRow[]> {
  return tx.$queryRaw<InboxRow[]>`
    SELECT DISTINCT ON (found.task_id) found.*
      FROM (SELECT * FROM wf_stands_in(${personId}::uuid)) p
     CROSS JOIN LATERAL (
        SELECT t.id AS task_id, i.id AS instance_id, i.definition_id, i.key, t.node, t.created_at AS since, c.reason, p.chain::text[] AS chain, p.until, t.claimed_by::text AS claimed_by, t.asking,
               initiator.id AS initiator_id, initiator.full_name AS initiator, i.form, m.due_at, ${DUE} = ANY (t.fired) AS overdue
          FROM workflow_candidate c
          JOIN workflow_task t ON t.foundation_id = c.foundation_id AND t.id = c.task_id AND t.state = 'open'
          JOIN workflow_instance i ON i.foundation_id = t.foundation_id AND i.id = t.instance_id AND i.state = 'running'
          JOIN person initiator ON initiator.foundation_id = i.foundation_id AND initiator.id = i.initiator_id
          LEFT JOIN workflow_timer m ON m.foundation_id = t.foundation_id AND m.task_id = t.id AND m.boundary = ${DUE}
         WHERE c.foundation_id = gloria_foundation() AND c.person_id = p.person_id
           AND (t.turn IS NULL OR t.turn = c.turn) AND (t.claimed_by IS NULL OR t.claimed_by = coalesce(c.part, c.person_id)) AND NOT ${partAnswered}
           AND (${key}::text IS NULL OR i.key = ${key}) AND (${after}::uuid IS NULL OR c.task_id > ${after}::uuid)
           -- In somebody's place: what one is not asked oneself and has not answered, not one's own request, and by way of nobody who filed it.
           AND (cardinality(p.chain) = 0 OR (
             i.initiator_id <> ALL (p.chain) AND i.initiator_id <> ${personId}::uuid
             AND NOT EXISTS (SELECT FROM workflow_candidate own WHERE own.foundation_id = c.foundation_id AND own.task_id = c.task_id AND own.person_id = ${personId}::uuid)
             AND NOT EXISTS (SELECT FROM workflow_decision d WHERE d.foundation_id = c.foundation_id AND d.task_id = c.task_id AND d.actor_key = 'person:' || ${personId}::text AND d.taken_back_at IS NULL)))
         ORDER BY c.task_id LIMIT ${take}
     ) AS found
     ORDER BY found.task_id, cardinality(p.chain) LIMIT ${take}`;
}
