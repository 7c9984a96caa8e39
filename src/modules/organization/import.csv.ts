import { parse } from 'csv-parse/sync';
import type { FieldError } from '../../access';

const COLUMNS = ['type', 'code', 'name', 'parent', 'unit', 'head', 'employee_number', 'email', 'phone', 'locale', 'position', 'acting', 'valid_from', 'valid_until'] as const;
type Row = Partial<Record<(typeof COLUMNS)[number], string>>;

/**
 * One CSV file with a `type` column (school, department, position, person, appointment) to the same document as JSON.
 * `lines` maps a pointer's `#/section/index` back to the file's line, for the report.
 */
export function readCsv(text: string): { document: unknown; problems: FieldError[]; lines: Map<string, number> } {
  let records: { record: Row; info: { lines: number } }[];
  try {
    records = parse(text, { bom: true, columns: (header: string[]) => header.map((column) => column.trim().toLowerCase()), skip_empty_lines: true, trim: true, info: true, max_record_size: 20_000, relax_column_count: true }) as unknown as typeof records;
  } catch (error) {
    const { lines, message } = error as { lines?: number; message: string };
    return { document: {}, problems: [{ pointer: `line:${lines ?? 1}`, code: 'csv', detail: message.slice(0, 200) }], lines: new Map() };
  }
  const unknown = Object.keys(records[0]?.record ?? {}).filter((column) => !COLUMNS.includes(column as never));
  if (records.length === 0) return { document: {}, problems: [{ pointer: 'line:1', code: 'empty', detail: 'the file holds no rows below its header (with curl, send it with --data-binary)' }], lines: new Map() };
  if (unknown.length > 0) {
    const detail = `unknown column ${unknown.map((column) => column.slice(0, 60)).join(', ')}; the columns are ${COLUMNS.join(', ')}, separated by commas`;
    return { document: {}, problems: [{ pointer: 'line:1', code: 'unknown_column', detail: detail.slice(0, 400) }], lines: new Map() };
  }
  const document = { units: [] as object[], positions: [] as object[], people: [] as object[], appointments: [] as object[] };
  const problems: FieldError[] = [];
  const lines = new Map<string, number>();
  const add = (section: keyof typeof document, row: Record<string, unknown>, line: number) => {
    lines.set(`#/${section}/${document[section].length}`, line);
    document[section].push(Object.fromEntries(Object.entries(row).filter(([, value]) => value !== '' && value !== undefined)));
  };
  for (const { record: row, info } of records) {
    const line = info.lines;
    const yes = (value: string | undefined) => (value === undefined || value === '' ? undefined : ['yes', 'true', '1', 'ya'].includes(value.toLowerCase()));
    switch (row.type?.toLowerCase()) {
      case 'school':
      case 'department':
        add('units', { kind: row.type.toLowerCase(), code: row.code, name: row.name, parent: row.parent }, line);
        break;
      case 'position':
        add('positions', { code: row.code, title: row.name, unit: row.unit, isHead: yes(row.head) }, line);
        break;
      case 'person':
        add('people', { employeeNumber: row.employee_number, fullName: row.name, email: row.email, phone: row.phone, locale: row.locale }, line);
        break;
      case 'appointment':
        add('appointments', { employeeNumber: row.employee_number, position: row.position, acting: yes(row.acting), validFrom: row.valid_from, validUntil: row.valid_until }, line);
        break;
      default:
        problems.push({ pointer: `line:${line}`, code: 'type', detail: 'type must be school, department, position, person or appointment' });
    }
  }
  return { document, problems, lines };
}
