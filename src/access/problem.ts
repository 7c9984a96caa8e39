import type { Locale } from './actor';
import { type ProblemCode, PROBLEMS } from './problem-codes';

/** One value that is not acceptable, by JSON Pointer into the body (`#/…`) or by parameter name. */
export interface FieldError {
  pointer: string;
  code: string;
  detail: string;
}

/**
 * An error meant for the caller. Services throw it; the one exception filter turns it into RFC 9457 problem+json.
 * `params` fill the detail's placeholders; `errors` list the single values at fault.
 */
export class Problem extends Error {
  readonly status: number;

  constructor(
    readonly code: ProblemCode,
    readonly params: Readonly<Record<string, string | number>> = {},
    readonly errors: readonly FieldError[] = [],
    cause?: unknown,
  ) {
    super(code, { cause });
    this.name = 'Problem';
    this.status = PROBLEMS[code].status;
  }

  detail(locale: Locale): string {
    return PROBLEMS[this.code][locale].replace(/\{(\w+)\}/g, (_, name: string) => String(this.params[name] ?? name));
  }
}

/**
 * A refusal of an authenticated caller that the audit log must hold before it is answered: 403, or 404 where the row
 * exists but lies outside what the caller may see.
 */
export class Denied extends Problem {
  constructor(
    code: Extract<ProblemCode, 'PERMISSION_DENIED' | 'DUTIES_KEPT_APART' | 'NOT_FOUND' | 'GRANT_EXCEEDS_OWN' | 'SESSION_REQUIRED' | `WORKFLOW_${'OWN_STEP' | 'NOT_CANDIDATE' | 'NOT_INITIATOR' | 'SEPARATION' | 'NO_PART'}`>,
    params: Readonly<Record<string, string | number>> = {},
    readonly target?: { type: string; id: string },
  ) {
    super(code, params);
    this.name = 'Denied';
  }
}
