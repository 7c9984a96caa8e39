import type { Definition } from '../definition';
import { absence } from './absence';
import { leave } from './leave';
import { overtime } from './overtime';
import { performanceReview } from './performance-review';
import { reimbursement } from './reimbursement';
import { workOrder } from './work-order';

/** Definitions every foundation starts with, and can publish again or change. */
export const TEMPLATES: readonly Definition[] = [leave, absence, overtime, reimbursement, workOrder, performanceReview];
