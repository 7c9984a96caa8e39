import { Injectable, StreamableFile } from '@nestjs/common';
import { type Actor, AttachmentAccess, Denied, Problem } from '../../access';
import { Database } from '../../platform/database';
import { FileStore } from './file.store';
import { type FileView, toFileView, type WholeFile } from './files.dto';

/** Files, as far as the caller may see them: their own, and those of what they may read. */
@Injectable()
export class FilesService {
  constructor(
    private readonly database: Database,
    private readonly store: FileStore,
    private readonly attachments: AttachmentAccess,
  ) {}

  async get(actor: Actor, id: string): Promise<FileView> {
    return toFileView(await this.visible(actor, id));
  }

  async content(actor: Actor, id: string): Promise<StreamableFile> {
    const file = await this.visible(actor, id);
    return new StreamableFile(await this.store.content(file), {
      type: file.contentType,
      length: file.bytes,
      // RFC 6266: a name in ASCII for old clients, the real one for all others.
      disposition: `attachment; filename="${file.name.replace(/[^\x20-\x7e]|["\\%]/g, '_')}"; filename*=UTF-8''${encodeURIComponent(file.name).replace(/['()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)}`,
    });
  }

  private async visible(actor: Actor, id: string): Promise<WholeFile> {
    const file = await this.database.withTenant(actor, (tx) => this.store.find(tx, id));
    if (!file) throw new Problem('NOT_FOUND');
    const own = actor.kind === 'user' && file.personId === actor.personId;
    if (!own && !(await this.attachments.mayRead(actor, id))) throw new Denied('NOT_FOUND', {}, { type: 'stored_file', id });
    return file;
  }
}
