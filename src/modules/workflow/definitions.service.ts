import { Injectable } from '@nestjs/common';
import type { ValidateFunction } from 'ajv';
import { LRUCache } from 'lru-cache';
import { v7 as uuidv7 } from 'uuid';
import { type Actor, type FieldError, PermissionPort, Problem } from '../../access';
import { Cursors, idempotent, listName, namingConstraints, type PageRequest } from '../../http';
import { Database, type Tx, type WorkflowDefinition, type WorkflowRetirement } from '../../platform/database';
import { AuditService } from '../audit';
import { type Definition, definitionHash, engineOf, formValidator } from './definition';
import { readDefinition } from './gate';
import { ReadinessService } from './readiness.service';
import { changesBetween } from './changes';
import { definitionPublished, definitionRetired } from './workflow.events';

export interface PublishedDefinition {
  id: string;
  definition: Definition;
  validateForm: ValidateFunction;
  /** Of what is filled in at steps, by their names. */
  validateAnswer: ReadonlyMap<string, ValidateFunction>;
}

/** Versions of definitions: immutable, named by the hash of their content. */
@Injectable()
export class DefinitionsService {
  // A version never changes, so what is kept of it never grows stale.
  private readonly compiled = new LRUCache<string, PublishedDefinition>({ max: 500 });

  constructor(
    private readonly database: Database,
    private readonly audit: AuditService,
    private readonly permissions: PermissionPort,
    private readonly cursors: Cursors,
    private readonly readiness: ReadinessService,
  ) {}

  async list(actor: Actor, query: PageRequest) {
    return this.database.withTenant(actor, async (tx) => {
      const page = await this.cursors.page(
        listName('workflow/definitions', query),
        query,
        (take, after) =>
          tx.workflowDefinition.findMany({
            where: after ? { OR: [{ key: { gt: after[0]! } }, { key: after[0]!, number: { lt: Number(after[1]) } }] } : {},
            orderBy: [{ key: 'asc' }, { number: 'desc' }],
            take,
          }),
        (row) => [row.key, String(row.number)],
      );
      const retired = await tx.workflowRetirement.findMany({ where: { key: { in: page.items.map(({ key }) => key) } } });
      return { items: page.items.map((row) => toSummary(row, retired.find(({ key }) => key === row.key) ?? null)), nextCursor: page.nextCursor };
    });
  }

  /** The newest version of a key, or the one of a number. */
  async version(actor: Actor, key: string, number?: number) {
    return this.database.withTenant(actor, async (tx) => this.answer(tx, await this.row(tx, key, number)));
  }

  /** What has changed from one version to another; left out, to the newest from the one before. */
  async changes(actor: Actor, key: string, asked: { from?: number; to?: number }) {
    return this.database.withTenant(actor, async (tx) => {
      const to = await this.row(tx, key, asked.to);
      const from = await this.row(tx, key, asked.from ?? Math.max(1, to.number - 1));
      const [before, after] = [from.document, to.document] as unknown as [Definition, Definition];
      return { from: { number: from.number, hash: from.hash }, to: { number: to.number, hash: to.hash }, ...changesBetween(before, after) };
    });
  }

  /** Nothing more is filed by it; what runs goes on. */
  async retire(actor: Actor, key: string) {
    await this.permissions.require(actor, 'workflow:publish', {});
    return this.database.withTenant(actor, async (tx) => {
      const newest = await this.row(tx, key);
      const created = await tx.workflowRetirement.createManyAndReturn({ data: { id: uuidv7(), foundationId: actor.foundationId, key }, skipDuplicates: true });
      for (const row of created) await this.audit.record(tx, actor, definitionRetired('retired', row));
      return this.answer(tx, newest);
    });
  }

  /** It can be filed by again. */
  async restore(actor: Actor, key: string) {
    await this.permissions.require(actor, 'workflow:publish', {});
    return this.database.withTenant(actor, async (tx) => {
      await this.restoreIn(tx, actor, key);
      return this.answer(tx, await this.row(tx, key));
    });
  }

  /** Publishes a new version; publishing the newest once more answers with it and changes nothing. */
  async publish(actor: Actor, document: unknown, anyway = false) {
    await this.permissions.require(actor, 'workflow:publish', {});
    return this.database.withTenant(actor, (tx) => idempotent(tx, actor, async () => this.answer(tx, await this.publishIn(tx, actor, document, anyway))));
  }

  /** Everything that is wrong with a document, and what the organization lacks for it. */
  async check(actor: Actor, document: unknown): Promise<{ problems: FieldError[]; warnings: FieldError[] }> {
    await this.permissions.require(actor, 'workflow:publish', {});
    const { definition, problems } = readDefinition(document);
    return definition ? this.database.withTenant(actor, (tx) => this.readiness.look(tx, actor, definition)) : { problems, warnings: [] };
  }

  /** The same inside a transaction already open; `anyway`: though the organization has nobody for some step. */
  async publishIn(tx: Tx, actor: Actor, document: unknown, anyway: boolean): Promise<WorkflowDefinition> {
    const { definition, problems } = readDefinition(document);
    if (!definition) throw new Problem('WORKFLOW_DEFINITION_INVALID', { count: problems.length }, problems);
    // What would file requests without end is no matter of the organization.
    const lacking = (await this.readiness.look(tx, actor, definition)).problems.filter(({ code }) => !anyway || code === 'loop');
    if (lacking.length > 0) throw new Problem('WORKFLOW_DEFINITION_INVALID', { count: lacking.length }, lacking);
    const hash = definitionHash(definition);
    const newest = await tx.workflowDefinition.findFirst({ where: { key: definition.key }, orderBy: { number: 'desc' } });
    // Whoever publishes it wants it to be filed.
    await this.restoreIn(tx, actor, definition.key);
    if (newest?.hash === hash) return newest;
    const row = await namingConstraints({ workflow_definition_foundation_id_key_number_key: () => new Problem('STALE_VERSION') }, () =>
      tx.workflowDefinition.create({
        data: { id: uuidv7(), foundationId: actor.foundationId, key: definition.key, number: (newest?.number ?? 0) + 1, hash, document: definition as object, engine: engineOf(definition) },
      }),
    );
    await this.audit.record(tx, actor, definitionPublished(row));
    return row;
  }

  /** A version, ready to run. */
  async byId(tx: Tx, id: string): Promise<PublishedDefinition> {
    const known = this.compiled.get(id);
    if (known) return known;
    const row = await tx.workflowDefinition.findFirst({ where: { id } });
    if (!row) throw new Problem('NOT_FOUND');
    return this.compile(row);
  }

  /** The newest version of a key. */
  async byKey(tx: Tx, key: string): Promise<PublishedDefinition> {
    const row = await this.row(tx, key);
    return this.compiled.get(row.id) ?? this.compile(row);
  }

  /** The same, to file by; throws 409 WORKFLOW_RETIRED where nothing is any more. */
  async toFileBy(tx: Tx, key: string): Promise<PublishedDefinition> {
    const published = await this.byKey(tx, key);
    await this.requireInUse(tx, key);
    return published;
  }

  async requireInUse(tx: Tx, key: string): Promise<void> {
    if ((await tx.workflowRetirement.count({ where: { key } })) > 0) throw new Problem('WORKFLOW_RETIRED', { definition: key });
  }

  private compile(row: WorkflowDefinition): PublishedDefinition {
    const definition = row.document as unknown as Definition;
    const asking = Object.entries(definition.nodes).flatMap(([name, node]) => ('form' in node && node.form ? [[name, formValidator({ form: node.form })] as const] : []));
    const published = { id: row.id, definition, validateForm: formValidator(definition), validateAnswer: new Map(asking) };
    this.compiled.set(row.id, published);
    return published;
  }

  private async row(tx: Tx, key: string, number?: number): Promise<WorkflowDefinition> {
    const row = await tx.workflowDefinition.findFirst({ where: { key, number }, orderBy: { number: 'desc' } });
    if (!row) throw new Problem('NOT_FOUND');
    return row;
  }

  private async restoreIn(tx: Tx, actor: Actor, key: string): Promise<void> {
    const row = await tx.workflowRetirement.findFirst({ where: { key } });
    if (row && (await tx.workflowRetirement.deleteMany({ where: { id: row.id } })).count > 0) await this.audit.record(tx, actor, definitionRetired('restored', row));
  }

  /** A version as it is answered. */
  async answer(tx: Tx, row: WorkflowDefinition) {
    return { ...toSummary(row, await tx.workflowRetirement.findFirst({ where: { key: row.key } })), document: row.document as Record<string, unknown> };
  }
}

const toSummary = (row: WorkflowDefinition, retired: WorkflowRetirement | null) => ({ id: row.id, key: row.key, number: row.number, hash: row.hash, publishedAt: row.publishedAt.toISOString(), retiredAt: retired?.retiredAt.toISOString() ?? null });
