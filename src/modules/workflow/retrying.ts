import { Problem } from '../../access';
import { Prisma } from '../../platform/database';

/** What was in the way of something Gloria does by itself, for whoever administers requests. */
export const inTheWay = (error: unknown): string => (error instanceof Problem ? `${error.code}: ${error.detail('en')}` : error instanceof Error ? error.message : String(error)).slice(0, 500);

/** When it is tried again, by the row's `attempts`: after 5 seconds, 10, 20 …, at most an hour. */
export const TRIED_AGAIN_AT = Prisma.sql`now() + make_interval(secs => least(3600, 5 * 2 ^ least(attempts, 12)))`;
