import { Inject, Injectable } from '@nestjs/common';
import { Problem, type RequestContext, systemActor, type UserActor } from '../../access';
import { CONFIG, type Config } from '../../platform/config';
import { Database, everyRow, type Tx } from '../../platform/database';
import { Keyring } from '../../platform/keyring';
import { NotificationsService } from '../notifications';
import { DecisionsService } from './decisions.service';
import type { Definition } from './definition';
import { DefinitionsService, type PublishedDefinition } from './definitions.service';
import { type InstanceRow, readInstance, standInAt } from './instances.store';
import { titleOf } from './instances.view';
import { LINK_MS, type MailLink, readToken, tokenOf } from './mail-links';
import type { MailDecision, MailDecisionMade, MailDecisionShown } from './mail-decisions.dto';
import { Transitions } from './transitions.service';

/** What makes links to a step void that were mailed before: somebody else has it, or has had it in the meantime. */
const REASSIGNED = ['transferred', 'undelegated', 'signer_removed'];

/**
 * Steps that are decided by a link in a mail. The token stands behind the `#` of the address, which no server, proxy or
 * log is sent; the page at the address is the same for everybody, and posts it. So whatever follows links in mails –
 * scanners do – decides nothing.
 */
@Injectable()
export class MailDecisionsService {
  constructor(
    private readonly database: Database,
    private readonly keyring: Keyring,
    private readonly definitions: DefinitionsService,
    private readonly transitions: Transitions,
    private readonly decisions: DecisionsService,
    @Inject(CONFIG) private readonly config: Pick<Config, 'http' | 'mail'>,
    notifications: NotificationsService,
  ) {
    notifications.decideBy((tx, asked) => this.linkFor(tx, asked));
  }

  /** Of a step that waits for this person and can be decided by a word; nothing is filled in at it, and it is not sensitive. */
  private async linkFor(tx: Tx, asked: { foundationId: string; taskId: string; personId: string }): Promise<string | null> {
    if (!this.config.mail.decisions) return null;
    const about = await this.stepOf(tx, asked);
    const account = await tx.userAccount.findFirst({ where: { personId: asked.personId }, select: { id: true } });
    if (!about || !account || !(await standInAt(tx, asked.taskId, asked.personId))) return null;
    const token = await tokenOf(this.keyring, { ...asked, madeAt: Date.now() });
    return `${this.config.http.publicUrl}/api/v1/mail-decisions#${token}`;
  }

  /** What a link is about: as much as is needed to decide. */
  async show(token: string, request: RequestContext): Promise<MailDecisionShown> {
    const link = await this.linkOf(token);
    const actor = await this.actorOf(link, request);
    return this.database.withTenant(actor, async (tx) => {
      const { row, node, published } = await this.requireStep(tx, link);
      await this.decisions.requireMayDecide(tx, actor, row, { id: link.taskId, node }, published);
      const waiting = await this.transitions.requireOpen(tx, row, link.taskId);
      if ((await this.usedFor(tx, link)) !== null) throw new Problem('WORKFLOW_LINK_USED');
      if (waiting.answered) throw new Problem('WORKFLOW_ALREADY_DECIDED');
      const { definition } = published;
      const { fullName } = await everyRow(tx, 'name').person.findFirstOrThrow({ where: { id: row.initiator_id }, select: { fullName: true } });
      const { appUrl } = this.config.mail;
      return {
        locale: actor.locale, definition: definition.title[actor.locale], step: titleOf(definition, node, actor.locale), initiator: fullName, reader: actor.personName, fields: fieldsOf(definition, row.form),
        submittedAt: row.submitted_at?.toISOString() ?? null, dueAt: waiting.dueAt, link: appUrl && `${appUrl}/requests/${row.id}`,
      };
    });
  }

  /** Decides, once. The same again answers the same. */
  async decide({ token, verb, comment }: MailDecision, request: RequestContext): Promise<MailDecisionMade> {
    const link = await this.linkOf(token);
    const actor = await this.actorOf(link, request);
    const earlier = await this.database.withTenant(actor, (tx) => this.usedFor(tx, link));
    if (earlier === null) {
      await this.decisions.decide(actor, link.taskId, verb, { comment }, async (tx, row) => {
        await this.requireStep(tx, link, row);
        await tx.workflowMailDecision.create({ data: { foundationId: link.foundationId, taskId: link.taskId, personId: link.personId, verb } });
      });
    } else if (earlier !== verb) throw new Problem('WORKFLOW_LINK_USED');
    return { verb };
  }

  private async linkOf(token: string): Promise<MailLink> {
    const link = await readToken(this.keyring, token);
    if (!link) throw new Problem('WORKFLOW_LINK_INVALID');
    if (!this.config.mail.decisions || Date.now() > link.madeAt + LINK_MS) throw new Problem('WORKFLOW_LINK_EXPIRED');
    return link;
  }

  /** The reader of the mail, as if they had signed in: with what they hold now, in their language. */
  private async actorOf({ foundationId, personId }: MailLink, request: RequestContext): Promise<UserActor> {
    const found = await this.database.withTenant(systemActor('mail-decisions', foundationId), async (tx) => {
      const [row] = await tx.$queryRaw<{ user_id: string; name: string; locale: string; timezone: string; v: string; now_ms: number }[]>`
        SELECT a.id AS user_id, p.full_name AS name, coalesce(p.locale, f.locale) AS locale, f.timezone, coalesce(h.v, 0)::text AS v, (extract(epoch FROM clock_timestamp()) * 1000)::double precision AS now_ms
          FROM person p JOIN foundation f ON f.id = p.foundation_id JOIN user_account a ON a.foundation_id = p.foundation_id AND a.person_id = p.id LEFT JOIN authz_head h ON h.foundation_id = p.foundation_id
         WHERE p.foundation_id = gloria_foundation() AND p.id = ${personId}::uuid AND p.deleted_at IS NULL`;
      return row;
    });
    if (!found) throw new Problem('WORKFLOW_LINK_EXPIRED');
    return { kind: 'user', foundationId, personId, personName: found.name, userId: found.user_id, sessionId: 'mail-link', authzVersion: BigInt(found.v), startedAt: found.now_ms, locale: found.locale === 'en' ? 'en' : 'id', timezone: found.timezone, request };
  }

  /** The step of a link, where it can be decided by one. */
  private async stepOf(tx: Tx, { taskId, personId }: { taskId: string; personId: string }, locked?: InstanceRow): Promise<{ row: InstanceRow; node: string; published: PublishedDefinition } | null> {
    const task = await tx.workflowTask.findFirst({ where: { id: taskId }, select: { instanceId: true, node: true } });
    const row = locked ?? (task && (await readInstance(tx, task.instanceId, personId, false)));
    if (!task || !row) return null;
    const published = await this.definitions.byId(tx, row.definition_id);
    const of = published.definition.nodes[task.node];
    return of?.type === 'approval' && of.sensitivity !== 'high' && !published.validateAnswer.has(task.node) ? { row, node: task.node, published } : null;
  }

  private async requireStep(tx: Tx, link: MailLink, locked?: InstanceRow): Promise<{ row: InstanceRow; node: string; published: PublishedDefinition }> {
    const about = await this.stepOf(tx, link, locked);
    if (!about) throw new Problem('WORKFLOW_LINK_EXPIRED');
    const reassigned = await tx.$queryRaw<object[]>`
      SELECT 1 AS one FROM workflow_history WHERE foundation_id = gloria_foundation() AND instance_id = ${about.row.id}::uuid AND event = ANY (${REASSIGNED}::text[]) AND data->'event'->>'task' = ${link.taskId} AND at >= ${new Date(link.madeAt)}::timestamptz LIMIT 1`;
    if (reassigned.length > 0) throw new Problem('WORKFLOW_LINK_EXPIRED');
    return about;
  }

  private async usedFor(tx: Tx, { taskId, personId }: MailLink): Promise<string | null> {
    return (await tx.workflowMailDecision.findFirst({ where: { taskId, personId }, select: { verb: true } }))?.verb ?? null;
  }
}

/** What is filled in, as its form calls it: texts to be read. */
function fieldsOf({ form: { properties } }: Definition, form: Readonly<Record<string, unknown>>): { label: string; value: string }[] {
  const titles = (properties ?? {}) as Record<string, { title?: string } | undefined>;
  const text = (value: unknown): string => (Array.isArray(value) ? value.map(text).join(', ') : typeof value === 'object' && value !== null ? Object.entries(value).map(([name, inner]) => `${name}: ${text(inner)}`).join(', ') : String(value));
  return Object.entries(form).map(([name, value]) => ({ label: titles[name]?.title ?? name, value: text(value).slice(0, 2_000) }));
}
