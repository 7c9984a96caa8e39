import { z } from 'zod';

/** An instant in RFC 3339, between the years 1900 and 3000: what PostgreSQL and JavaScript both hold. */
export const instant = z.iso
  .datetime({ offset: true })
  .refine((value) => {
    const year = new Date(value).getUTCFullYear();
    return year >= 1900 && year < 3000;
  }, 'must lie between the years 1900 and 3000');

/** An id of ours, as the database writes it: ids are compared as text. */
export const uuid = z.uuid().toLowerCase();

/** A row's version: what an update must name. */
export const rowVersion = z.int().positive().max(2_147_483_647).meta({ description: 'The version read; refused when it has changed since' });
