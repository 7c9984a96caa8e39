import { Module } from '@nestjs/common';
import { FileStore } from './file.store';
import { FilesController } from './files.controller';
import { FilesService } from './files.service';
import { Uploading } from './uploading';

export { FILE_TYPES } from './content';
export { FILE_BODY, FileStore } from './file.store';
export { fileView, toFileView, type WholeFile } from './files.dto';

@Module({ controllers: [FilesController], providers: [FileStore, FilesService, Uploading], exports: [FileStore] })
export class FilesModule {}
