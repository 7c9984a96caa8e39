import { Controller, Delete, Get, HttpCode, Param, Post, StreamableFile, UseInterceptors } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { ZodResponse } from 'nestjs-zod';
import { type Actor, CurrentActor, SignedIn } from '../../access';
import { FileStore } from './file.store';
import { FileResponse, type FileView, IdParam } from './files.dto';
import { FilesService } from './files.service';
import { Stored, Uploading } from './uploading';

@ApiTags('files')
@Controller('files')
export class FilesController {
  constructor(
    private readonly files: FilesService,
    private readonly store: FileStore,
  ) {}

  @Post()
  @ApiOperation({ summary: 'Sends a file', description: 'A form with one part, `file`: PDF, JPEG, PNG, WebP, Word or Excel by its content, at most 10 MiB. One that is not attached to anything within a day is deleted.' })
  @ApiConsumes('multipart/form-data')
  @ApiBody({ schema: { type: 'object', properties: { file: { type: 'string', format: 'binary' } }, required: ['file'] } })
  @UseInterceptors(Uploading)
  @SignedIn()
  @ZodResponse({ type: FileResponse, status: 201 })
  send(@Stored() file: FileView) {
    return file;
  }

  @Get(':id')
  @ApiOperation({ summary: 'Read what is known of a file' })
  @SignedIn()
  @ZodResponse({ type: FileResponse, status: 200 })
  get(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
    return this.files.get(actor, id);
  }

  @Get(':id/content')
  @ApiOperation({ summary: 'Download a file', description: 'By whoever sent it and whoever may read what it is attached to.' })
  @ApiOkResponse({ content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } } })
  @SignedIn()
  content(@CurrentActor() actor: Actor, @Param() { id }: IdParam): Promise<StreamableFile> {
    return this.files.content(actor, id);
  }

  @Delete(':id')
  @ApiOperation({ summary: 'Delete a file of one’s own that is attached to nothing' })
  @HttpCode(204)
  @SignedIn()
  remove(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
    return this.store.remove(actor, id);
  }
}
