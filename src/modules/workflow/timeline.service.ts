import { Injectable } from '@nestjs/common';
import type { Actor, Locale } from '../../access';
import { Database } from '../../platform/database';
import type { Definition } from './definition';
import { DefinitionsService } from './definitions.service';
import { timelineSvg } from './timeline-picture';
import { namesOf, titleOf } from './instances.view';
import type { Told } from './refold';
import { type Happening, sentenceOf } from './timeline';
import { WorkflowQueries } from './workflow.queries';

interface Entry {
  at: Date;
  event: Happening;
  node: string | null;
  by: string;
  data: Partial<Told> & { comment?: string; stead?: string[] };
  comment: string | null;
  file: { id: string; name: string } | null;
}

/** The history of a request as its people read it. */
@Injectable()
export class TimelineService {
  constructor(
    private readonly database: Database,
    private readonly definitions: DefinitionsService,
    private readonly queries: WorkflowQueries,
  ) {}

  /** What happened, was said and was added, oldest first: sentences in the caller's language, and what each step waited for next. */
  async of(actor: Actor, instanceId: string) {
    return this.database.withTenant(actor, async (tx) => {
      const row = await this.queries.visible(tx, actor, instanceId);
      const { definition } = await this.definitions.byId(tx, row.definition_id);
      const [history, comments, files] = await Promise.all([
        tx.workflowHistory.findMany({ where: { instanceId }, orderBy: { seq: 'asc' } }),
        tx.workflowComment.findMany({ where: { instanceId }, orderBy: { id: 'asc' } }),
        tx.workflowAttachment.findMany({ where: { instanceId }, include: { file: { select: { id: true, name: true, personId: true } } } }),
      ]);
      const beside = { node: null, data: {}, comment: null, file: null };
      const entries: Entry[] = [
        ...history.map((each) => ({ ...beside, at: each.at, event: each.event as Happening, node: each.node, by: each.actorKey, data: each.data as Entry['data'], comment: (each.data as Entry['data']).comment ?? null })),
        ...comments.map((each) => ({ ...beside, at: each.createdAt, event: 'commented' as const, by: each.actorKey, comment: each.body })),
        ...files.map(({ addedAt, file }) => ({ ...beside, at: addedAt, event: 'attached' as const, by: `person:${file.personId}`, file: { id: file.id, name: file.name } })),
      ].sort((a, b) => a.at.getTime() - b.at.getTime());
      const names = await namesOf(tx, entries.flatMap(({ by, data }) => [...personIn(by), ...peopleIn(data), ...(data.stead ?? [])]));
      return { items: entries.map((entry) => toItem(entry, { definition, names, locale: actor.locale })), title: definition.title[actor.locale] };
    });
  }

  /** The same as a picture, in the caller's zone. */
  async picture(actor: Actor, instanceId: string): Promise<string> {
    const { items, title } = await this.of(actor, instanceId);
    return timelineSvg(items, title, actor.locale, actor.timezone);
  }
}

interface Reading {
  definition: Definition;
  names: ReadonlyMap<string, string>;
  locale: Locale;
}

function toItem({ at, event, node, by, data, comment, file }: Entry, { definition, names, locale }: Reading) {
  const name = (id: string) => names.get(id) ?? '?';
  const [person] = personIn(by);
  const who = person === undefined ? 'Gloria' : name(person);
  const told = data.event;
  const back = told?.type === 'return' && told.to !== null ? titleOf(definition, told.to, locale) : '';
  const whom = file?.name ?? (back || peopleOf(told).map(name).join(', '));
  return {
    at: at.toISOString(),
    event,
    text: sentenceOf(event, { by: who, step: node === null ? '' : titleOf(definition, node, locale), whom }, locale),
    by: person === undefined ? null : { id: person, name: who },
    inThePlaceOf: (data.stead ?? []).map((id) => ({ id, name: name(id) })),
    step: node === null ? null : { node, title: titleOf(definition, node, locale) },
    comment,
    file,
    opened: (data.opened ?? []).map((each) => ({ taskId: each.id, node: each.node, title: titleOf(definition, each.node, locale), asked: each.asked.map(({ personId }) => ({ id: personId, name: name(personId) })) })),
  };
}

const personIn = (key: string): string[] => (key.startsWith('person:') ? [key.slice('person:'.length)] : []);

/** Whom an event is about besides who did it. */
function peopleOf(event: Told['event'] | undefined): string[] {
  switch (event?.type) {
    case 'transfer':
    case 'delegate':
      return [event.to];
    case 'undelegate':
      return [event.from];
    case 'add-signer':
    case 'remove-signer':
      return [event.part.of];
    case 'fire':
      return (event.asks ?? []).map(({ of }) => of);
    default:
      return [];
  }
}

const peopleIn = (data: Entry['data']): string[] => [...peopleOf(data.event), ...(data.opened ?? []).flatMap(({ asked }) => asked.map(({ personId }) => personId))];
