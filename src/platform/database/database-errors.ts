/** What PostgreSQL said, dug out of whichever wrapper it came in. */
export interface PostgresError {
  /** SQLSTATE; Gloria's own are GL001…. */
  sqlState: string;
  /** Constraint or unique index violated, where one was. */
  constraint: string | null;
  /** Its own words. */
  message: string;
}

const CONNECTION = /ECONNREFUSED|ECONNRESET|ENOTFOUND|EPIPE|timeout exceeded when trying to connect|Connection terminated|is not queryable|Can't reach database|did not answer within|Unable to start a transaction/i;

/** The PostgreSQL error behind a thrown value, or null. Knows pg's own errors and Prisma's driver-adapter wrappers. */
export function postgresError(error: unknown): PostgresError | null {
  for (const candidate of layers(error)) {
    const { originalCode, code, constraint } = candidate;
    const sqlState = [originalCode, code].find((value): value is string => typeof value === 'string' && /^[0-9A-Z]{5}$/.test(value) && !/^P\d{4}$/.test(value));
    if (sqlState) return { sqlState, constraint: constraintName(constraint) ?? constraintFrom(candidate), message: String(candidate.originalMessage ?? candidate.message ?? '') };
  }
  return null;
}

/** Prisma’s own codes: not reached, too late, closed by the server; no connection free, a transaction that is no more. */
const PRISMA_UNAVAILABLE: ReadonlySet<unknown> = new Set(['P1001', 'P1002', 'P1008', 'P1017', 'P2024', 'P2028']);

/** The same, as the driver adapter says it of raw statements. */
const ADAPTER_UNAVAILABLE: ReadonlySet<unknown> = new Set(['DatabaseNotReachable', 'ConnectionClosed', 'SocketTimeout', 'TooManyConnections']);

/** Whether the database could not be reached or gave up, as opposed to having refused something. */
export function isDatabaseUnavailable(error: unknown): boolean {
  const known = postgresError(error);
  if (known) return known.sqlState.startsWith('08') || known.sqlState.startsWith('57P') || known.sqlState.startsWith('53');
  return layers(error).some(({ message, code, kind }) => CONNECTION.test(String(message ?? '')) || PRISMA_UNAVAILABLE.has(code) || ADAPTER_UNAVAILABLE.has(kind));
}

interface Layer {
  code?: unknown;
  originalCode?: unknown;
  kind?: unknown;
  constraint?: unknown;
  message?: unknown;
  originalMessage?: unknown;
}

function layers(error: unknown, depth = 0): Layer[] {
  if (!error || typeof error !== 'object' || depth > 5) return [];
  const { cause, meta } = error as { cause?: unknown; meta?: { driverAdapterError?: unknown } };
  // Innermost first: the driver's own words are the precise ones.
  return [...layers(meta?.driverAdapterError, depth + 1), ...layers(cause, depth + 1), error as Layer];
}

function constraintName(value: unknown): string | null {
  if (typeof value === 'string') return value;
  if (value && typeof value === 'object') {
    const { index, fields } = value as { index?: string; fields?: string[] };
    return index ?? fields?.join('_') ?? null;
  }
  return null;
}

function constraintFrom({ originalMessage, message }: Layer): string | null {
  return /constraint "([^"]+)"/.exec(String(originalMessage ?? message ?? ''))?.[1] ?? null;
}
