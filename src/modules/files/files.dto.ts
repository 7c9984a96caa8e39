import { createZodDto } from 'nestjs-zod';
import { z } from 'zod';
import { instant, uuid } from '../../http';
import type { StoredFile } from '../../platform/database';
import { TYPES } from './content';

/** A file all of which is stored. */
export type WholeFile = StoredFile & { contentType: string; bytes: number; sha256: Uint8Array; seal: Uint8Array };

export class IdParam extends createZodDto(z.strictObject({ id: uuid })) {}
export const fileView = z.object({
  id: uuid,
  name: z.string().meta({ example: 'receipt.jpg' }),
  contentType: z.string().meta({ description: `By its content: ${Object.values(TYPES).join(', ')}`, example: 'image/jpeg' }),
  bytes: z.int().meta({ description: 'As stored; pictures are made upright, no larger than a page needs, and rid of where they were taken' }),
  sha256: z.string().meta({ description: 'Of what is stored, in hex', example: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08' }),
  by: z.string().meta({ example: 'person:0190b5a0-0000-7000-8000-000000000001' }),
  at: instant,
});
export type FileView = z.output<typeof fileView>;
export class FileResponse extends createZodDto(fileView) {}

export function toFileView(row: WholeFile): FileView {
  return { id: row.id, name: row.name, contentType: row.contentType, bytes: row.bytes, sha256: Buffer.from(row.sha256).toString('hex'), by: `person:${row.personId}`, at: row.createdAt.toISOString() };
}
