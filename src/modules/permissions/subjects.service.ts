import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import type { Actor } from '../../access';
import { Cache } from '../../platform/cache';
import { Database, type Tx } from '../../platform/database';
import { Freshness, type Moment } from '../../platform/freshness';
import { Metrics } from '../../platform/telemetry';
import { compileSubject, type CompiledSubject, type SubjectFacts } from './subject';

/** How many subjects of one foundation are kept. */
const MOST = 20_000;

/**
 * Compiled subjects, kept under everything they depend on: foundation, person and authorization version, and dropped at
 * their next validity boundary. The moment asked about comes from platform/freshness and is not older than the question, so
 * that nothing kept here outlives a change, and expiry is exact to the millisecond.
 */
@Injectable()
export class Subjects {
  /** By foundation and person, under the head they are of. */
  private readonly compiled = new Map<string, LRUCache<string, { stamp: string; subject: CompiledSubject }>>();
  private readonly hits;
  /** Reads under way, so that many requests of one subject after a change are one read. */
  private readonly reading = new Map<string, Promise<SubjectFacts>>();

  constructor(
    private readonly database: Database,
    private readonly cache: Cache,
    private readonly freshness: Freshness,
    metrics: Metrics,
  ) {
    this.hits = metrics.tally(metrics.cache, { prefix: 'subject-holdings', result: 'compiled' });
  }

  /** The same as `of` where nothing has to be asked or read for it; undefined where something has. */
  ready(actor: Exclude<Actor, { kind: 'system' }>): CompiledSubject | undefined {
    const moment = this.freshness.leased(actor.foundationId);
    return moment && moment.v >= actor.authzVersion ? this.known(actor.foundationId, actor.personId, moment) : undefined;
  }

  /** What the actor's person holds now; null for the system, which holds nothing. */
  async of(actor: Actor): Promise<CompiledSubject | null> {
    if (actor.kind === 'system') return null;
    return this.get(actor.foundationId, actor.personId, await this.momentOf(actor));
  }

  /** A moment not older than this call, of the version the request began with at least, or of a later one it names. */
  async momentOf(actor: Actor, atLeast = 0n): Promise<Moment> {
    return this.freshness.moment(actor.foundationId, atLeast > actor.authzVersion ? atLeast : actor.authzVersion);
  }

  async get(foundationId: string, personId: string, moment: Moment): Promise<CompiledSubject> {
    const known = this.known(foundationId, personId, moment);
    if (known) return known;
    // Facts read earlier name every later boundary, so they serve any moment after they were read.
    const facts = await this.factsOf(`${foundationId}:${personId}:${moment.stamp}`, foundationId, personId);
    const compile = (at: number) => compileSubject(facts, Math.max(at, facts.now));
    // Something begins or ends while the clock is not known that well: then it is asked.
    const early = compile(moment.notBefore);
    if (early.goodUntil !== null && early.goodUntil <= moment.now) return compile((await this.freshness.ask(foundationId)).now);
    const subject = compile(moment.now);
    this.keep(foundationId, personId, { stamp: moment.stamp, subject });
    return subject;
  }

  /**
   * Many subjects at one moment; those not known yet are read in one round trip – in the open transaction, where there is
   * one: it would wait for a second connection while it holds the first.
   */
  async getMany(foundationId: string, personIds: readonly string[], moment: Moment, tx?: Tx): Promise<Map<string, CompiledSubject>> {
    const found = new Map<string, CompiledSubject>();
    const missing: string[] = [];
    for (const id of new Set(personIds)) {
      const known = this.known(foundationId, id, moment);
      if (known) found.set(id, known);
      else missing.push(id);
    }
    if (missing.length > 0) {
      const rows = tx
        ? await tx.$queryRaw<{ id: string; facts: SubjectFacts }[]>`SELECT p.id::text AS id, gloria_subject(${foundationId}::uuid, p.id) AS facts FROM unnest(${missing}::uuid[]) AS p(id)`
        : await this.database.hot<{ id: string; facts: SubjectFacts }>('SELECT p.id, gloria_subject($1, p.id) AS facts FROM unnest($2::uuid[]) AS p(id)', [foundationId, missing]);
      for (const { id, facts } of rows) this.keep(foundationId, id, { stamp: moment.stamp, subject: compileSubject(facts, Math.max(moment.notBefore, facts.now)) });
    }
    for (const id of missing) found.set(id, await this.get(foundationId, id, moment));
    return found;
  }

  /** What somebody holds, as the open transaction sees it; for what a compiled subject no longer tells. */
  async factsIn(tx: Tx, foundationId: string, personId: string): Promise<SubjectFacts> {
    const [row] = await tx.$queryRaw<{ facts: SubjectFacts }[]>`SELECT gloria_subject(${foundationId}::uuid, ${personId}::uuid) AS facts`;
    return row!.facts;
  }

  private known(foundationId: string, personId: string, moment: Moment): CompiledSubject | undefined {
    const kept = this.compiled.get(foundationId)?.get(personId);
    if (!kept || kept.stamp !== moment.stamp) return undefined;
    const { goodUntil } = kept.subject;
    if (goodUntil !== null && goodUntil <= moment.now) return undefined;
    this.hits.add();
    return kept.subject;
  }

  private keep(foundationId: string, personId: string, entry: { stamp: string; subject: CompiledSubject }): void {
    let people = this.compiled.get(foundationId);
    if (!people) this.compiled.set(foundationId, (people = new LRUCache({ max: MOST })));
    people.set(personId, entry);
  }

  private factsOf(key: string, foundationId: string, personId: string): Promise<SubjectFacts> {
    const under = this.reading.get(key);
    if (under) return under;
    const started = this.cache.through<SubjectFacts>('subject-holdings', key, () => this.read(foundationId, personId)).finally(() => this.reading.delete(key));
    this.reading.set(key, started);
    return started;
  }

  private async read(foundationId: string, personId: string): Promise<SubjectFacts> {
    const [row] = await this.database.hot<{ facts: SubjectFacts }>('SELECT gloria_subject($1, $2) AS facts', [foundationId, personId]);
    if (!row) throw new Error('gloria_subject answered nothing');
    return row.facts;
  }
}
