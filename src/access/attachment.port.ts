import type { Actor } from './actor';

/** Knows what files belong to and so who may read them. Implemented by modules/workflow. */
export abstract class AttachmentAccess {
  /** Whether the caller may read what the file belongs to; false for one that belongs to nothing. */
  abstract mayRead(actor: Actor, fileId: string): Promise<boolean>;
}
