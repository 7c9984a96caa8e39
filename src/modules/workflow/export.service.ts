import { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { stringify } from 'csv-stringify/sync';
import { DateTime } from 'luxon';
import { type Actor, PermissionPort } from '../../access';
import { Database, everyRow, type Tx } from '../../platform/database';
import { AuditService } from '../audit';
import { DefinitionsService } from './definitions.service';
import { type InstanceRow, readInstances } from './instances.store';
import { titleOf } from './instances.view';
import { findRequests } from './search';
import type { RequestCriteria } from './workflow.dto';
import { exported } from './workflow.events';

const PAGE = 500;
/** As many as a spreadsheet and whoever reads it can take. */
const MOST = 50_000;

const HEADINGS = {
  en: ['Id', 'Request', 'State', 'Employee number', 'Filed by', 'Unit', 'Submitted', 'Ended', 'Submissions', 'Waits at'],
  id: ['Id', 'Permohonan', 'Status', 'Nomor pegawai', 'Pengaju', 'Unit', 'Diajukan', 'Selesai', 'Pengajuan', 'Menunggu'],
};

/** Lists of requests for a spreadsheet: CSV (RFC 4180, UTF-8 with a byte order mark), page by page. */
@Injectable()
export class ExportService {
  constructor(
    private readonly database: Database,
    private readonly permissions: PermissionPort,
    private readonly definitions: DefinitionsService,
    private readonly audit: AuditService,
  ) {}

  /** What the caller may see and asks for, newest first, 50,000 at most; of one kind of request with a column for each field. On record before the first row. */
  async csv(actor: Actor, criteria: RequestCriteria): Promise<Readable> {
    const filter = await this.permissions.filter(actor, 'workflow:read', 'request');
    const fields = await this.database.withTenant(actor, async (tx) => {
      await this.audit.record(tx, actor, exported(criteria));
      return criteria.key === undefined ? null : this.fieldsOf(tx, criteria.key);
    });
    const page = (after: string | null) =>
      this.database.withTenant(actor, async (tx) => {
        const ids = await findRequests(tx, filter, criteria, PAGE, after);
        const rows = new Map((await readInstances(tx, ids, null)).map((row) => [row.id, row]));
        return { ids, text: await this.lines(tx, actor, ids.map((id) => rows.get(id)!), fields) };
      });
    // Read before anything is answered: what goes wrong with it is a problem, not half a file.
    const first = await page(null);
    async function* parts() {
      yield `\ufeff${lineOf([...HEADINGS[actor.locale], ...(fields ?? ['form'])])}`;
      let { ids, text } = first;
      for (let done = 0; ; ) {
        yield text;
        done += ids.length;
        if (ids.length < PAGE || done >= MOST) return;
        ({ ids, text } = await page(ids.at(-1)!));
      }
    }
    return Readable.from(parts());
  }

  /** The fields of a kind’s newest version, and what is computed or filled in later. */
  private async fieldsOf(tx: Tx, key: string): Promise<string[]> {
    const { definition } = await this.definitions.byKey(tx, key);
    const answers = Object.values(definition.nodes).flatMap((node) => ('as' in node && node.as ? [node.as] : []));
    return [...Object.keys((definition.form as { properties?: object }).properties ?? {}), ...Object.keys(definition.computed ?? {}), ...answers];
  }

  private async lines(tx: Tx, actor: Actor, rows: readonly InstanceRow[], fields: readonly string[] | null): Promise<string> {
    const people = await everyRow(tx, 'name').person.findMany({ where: { id: { in: [...new Set(rows.map((row) => row.initiator_id))] } }, select: { id: true, fullName: true, employeeNumber: true } });
    const units = await everyRow(tx, 'name').orgUnit.findMany({ where: { id: { in: [...new Set(rows.map((row) => row.unit_id))] } }, select: { id: true, name: true } });
    const [person, unit] = [new Map(people.map((each) => [each.id, each])), new Map(units.map((each) => [each.id, each.name]))];
    const at = (date: Date | null) => (date ? DateTime.fromJSDate(date, { zone: actor.timezone }).toFormat('yyyy-MM-dd HH:mm') : '');
    let text = '';
    for (const row of rows) {
      const { definition } = await this.definitions.byId(tx, row.definition_id);
      const by = person.get(row.initiator_id);
      const filled: Record<string, unknown> = { ...row.form, ...row.variables };
      text += lineOf([
        row.id, definition.title[actor.locale], row.state, by?.employeeNumber, by?.fullName, unit.get(row.unit_id), at(row.submitted_at), at(row.ended_at), row.round, row.tasks.map(({ node }) => titleOf(definition, node, actor.locale)).join('; '),
        ...(fields ? fields.map((name) => filled[name]) : [row.form]),
      ]);
    }
    return text;
  }
}

/** One record. Text that a spreadsheet would take for a formula is not one. */
function lineOf(values: readonly unknown[]): string {
  const plain = values.map((value) => (value === null || value === undefined ? '' : typeof value === 'object' ? JSON.stringify(value) : value));
  return stringify([plain], { escape_formulas: true, record_delimiter: 'windows', cast: { boolean: String } });
}
