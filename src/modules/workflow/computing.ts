import { Problem } from '../../access';
import { NoBusinessTime } from '../calendars';
import { ExpressionLimit } from './feel';

/** A time of a step; 409 WORKFLOW_NO_TIME where the calendar has none. */
export function inTime<T>(step: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof NoBusinessTime) throw new Problem('WORKFLOW_NO_TIME', { step });
    throw error;
  }
}

/** What an expression of a step yields; 409 WORKFLOW_EXPRESSION where it needs more than it may. */
export function inLimits<T>(step: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof ExpressionLimit) throw new Problem('WORKFLOW_EXPRESSION', { step, detail: error.message });
    throw error;
  }
}
