import type { Locale } from '../../access';
import type { MailChoice } from '../../platform/database';

/** What people are told, and how it reaches them by mail where they have not said otherwise. */
export const KINDS = {
  'step.asked': 'now',
  'step.reminded': 'now',
  'step.overdue': 'now',
  'step.nudged': 'now',
  'request.information_asked': 'now',
  'request.information_given': 'now',
  'request.returned': 'now',
  'request.completed': 'now',
  'request.rejected': 'now',
  'request.cancelled': 'now',
  'request.message': 'now',
  'request.commented': 'digest',
  'request.copied_in': 'digest',
} as const satisfies Record<string, MailChoice>;

export type Kind = keyof typeof KINDS;

export const KIND_NAMES = Object.keys(KINDS) as [Kind, ...Kind[]];

type Both = Readonly<Record<Locale, string>>;

/** What a sentence is made of. People are named by their ids, so that who asks to be forgotten is. */
export interface Facts {
  definition: Both;
  step?: Both;
  /** Whoever filed it, and whoever did what is told. */
  initiator: string;
  by?: string;
  /** ISO 8601. */
  dueAt?: string;
  /** What a definition says in its own words. */
  said?: { subject: Both; text: Both };
}
