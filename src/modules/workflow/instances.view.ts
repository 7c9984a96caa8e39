import type { Locale } from '../../access';
import type { Definition } from './definition';
import type { PublishedDefinition } from './definitions.service';
import type { InstanceRow } from './instances.store';
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
    form: row.form,
    round: row.round,
    seq: row.seq,
    openTasks: row.tasks.map(({ id, node, since, tally }) => ({
      id, node, title: titleOf(definition, node, locale), since,
      votes: tally && { approve: tally.approve.people, reject: tally.reject.people, abstain: tally.abstain.people, open: tally.open.people },
    })),
    createdAt: row.created_at.toISOString(),
    submittedAt: row.submitted_at?.toISOString() ?? null,
    endedAt: row.ended_at?.toISOString() ?? null,
  };
}
