import type { Definition } from '../../src/modules/workflow/definition';
import { type HistoryEntry, refold } from '../../src/modules/workflow/refold';
import type { OpenTask } from '../../src/modules/workflow/transition';
import type { Tally } from '../../src/modules/workflow/voting';
import type { TestApp } from './app';
import { connected } from './database';

/** Every instance of a foundation stands where its history alone says: its marking, form and open steps with those asked. @returns how many there are. */
export async function refoldsToWhereItStands({ database }: Pick<TestApp, 'database'>, foundationId: string): Promise<number> {
  type Stored = { id: string; document: Definition; state: string; node: string | null; round: number; seq: number; form: object; variables: object; done: string[]; tasks: { id: string; node: string; tally: Tally | null; claimedBy: string | null; asking: boolean; fired: number[]; left: { people: number; weight: number } }[]; joins: object[]; history: HistoryEntry[]; votes: number };
  return connected(database.adminUrl, async (client) => {
    const { rows } = await client.query<Stored>(
      `SELECT i.id, d.document, i.state::text, i.node, i.round, i.seq, i.form, i.variables, i.done,
              coalesce((SELECT jsonb_agg(jsonb_build_object('id', t.id, 'node', t.node, 'tally', t.tally, 'claimedBy', t.claimed_by, 'asking', t.asking, 'fired', t.fired,
                         'left', (SELECT jsonb_build_object('people', count(*), 'weight', coalesce(sum(c.weight), 0)) FROM workflow_candidate c WHERE c.task_id = t.id AND c.part = c.person_id AND NOT c.answered))) FROM workflow_task t WHERE t.instance_id = i.id AND t.state = 'open'), '[]') AS tasks,
              coalesce((SELECT jsonb_agg(jsonb_build_object('node', j.node, 'via', j.via)) FROM workflow_join j WHERE j.instance_id = i.id), '[]') AS joins,
              coalesce((SELECT jsonb_agg(jsonb_build_object('seq', h.seq, 'event', h.event, 'data', h.data) ORDER BY h.seq) FROM workflow_history h WHERE h.instance_id = i.id), '[]') AS history,
              (SELECT count(*)::int FROM workflow_decision v JOIN workflow_task t ON t.id = v.task_id WHERE t.instance_id = i.id) AS votes
         FROM workflow_instance i JOIN workflow_definition d ON d.id = i.definition_id WHERE i.foundation_id = $1`,
      [foundationId],
    );
    const byId = (one: object, other: object) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1);
    for (const row of rows) {
      const { marking, form } = refold(row.document, row.history);
      const plain = (tasks: readonly OpenTask[]) => tasks.map(({ id, node, tally, claimedBy, asking, fired }) => ({ id, node, tally, claimedBy, asking, fired })).sort((a, b) => (a.id < b.id ? -1 : 1));
      expect({ id: row.id, state: row.state, round: row.round, variables: row.variables, done: row.done, tasks: plain(row.tasks), joins: row.joins.toSorted(byId) }).toEqual({ id: row.id, state: marking.state, round: marking.round, variables: marking.variables, done: marking.done ?? [], tasks: plain(marking.tasks), joins: marking.joins.toSorted(byId) });
      // Whose part is still open, by the tables, is what has not been voted.
      for (const { id, node, tally, left } of row.tasks) if (tally && row.document.nodes[node]?.type !== 'subworkflow') expect({ id, left }).toEqual({ id, left: tally.open });
      if (row.history.length > 0) expect(form).toEqual(row.form);
      expect([row.seq, row.node]).toEqual([row.history.length, marking.tasks[0]?.node ?? null]);
      // Each answer is an entry, and none is lost or doubled.
      expect(row.votes).toBe(row.history.filter(({ event }) => ['voted', 'approved', 'rejected', 'returned', 'step_completed', 'compensated'].includes(event)).length);
    }
    return rows.length;
  });
}
