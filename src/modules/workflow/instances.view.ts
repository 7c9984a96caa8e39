import type { Locale } from '../../access';
import { everyRow, type Tx } from '../../platform/database';
import type { Definition } from './definition';
import type { PublishedDefinition } from './definitions.service';
import type { InstanceRow } from './instances.store';
import { DUE } from './service-level';
import type { InstanceView } from './workflow.dto';

/** What a node is called; its name, where it has no title. */
export function titleOf(definition: Definition, name: string, locale: Locale): string {
  const node = definition.nodes[name];
  return node && 'title' in node ? node.title[locale] : name;
}

export function toView(row: InstanceRow, { definition }: Pick<PublishedDefinition, 'definition'>, locale: Locale): InstanceView {
  return {
    id: row.id,
    definition: { id: row.definition_id, key: row.key },
    state: row.state,
    initiatorId: row.initiator_id,
    unitId: row.unit_id,
    partOf: row.parent_task_id === null ? null : { instanceId: row.parent_id!, taskId: row.parent_task_id },
    form: row.form,
    variables: row.variables,
    round: row.round,
    seq: row.seq,
    openTasks: row.tasks.map(({ id, node, since, dueAt, fired, tally, claimedBy, asking }) => ({
      id, node, title: titleOf(definition, node, locale), since, dueAt, overdue: fired.includes(DUE), claimedBy, awaitsInformation: asking,
      votes: tally && { approve: tally.approve.people, reject: tally.reject.people, abstain: tally.abstain.people, open: tally.open.people },
    })),
    createdAt: row.created_at.toISOString(),
    submittedAt: row.submitted_at?.toISOString() ?? null,
    endedAt: row.ended_at?.toISOString() ?? null,
  };
}

/** What people are called. */
export async function namesOf(tx: Tx, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  if (ids.length === 0) return new Map();
  const people = await everyRow(tx, 'name').person.findMany({ where: { id: { in: [...new Set(ids)] } }, select: { id: true, fullName: true } });
  return new Map(people.map(({ id, fullName }) => [id, fullName]));
}
