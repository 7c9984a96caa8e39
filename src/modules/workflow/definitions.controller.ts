import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { ZodResponse } from 'nestjs-zod';
import { type Actor, CurrentActor, RequirePermission, SignedIn } from '../../access';
import { Etagged, IfMatch, SvgResponse, TakesIfMatch } from '../../http';
import { definitionSchema } from './definition';
import { DefinitionsService } from './definitions.service';
import { DraftsService } from './drafts.service';
import { TEMPLATES } from './templates';
import { ChangesQuery, CheckDefinition, DefinitionChanges, DefinitionCheck, DefinitionPage, DefinitionResponse, DraftPage, DraftResponse, Flowchart, IdParam, JsonSchema, KeyParam, ListDefinitionsQuery, PublishDefinition, PublishDraft, SaveDefinitionDraft, TemplateList, VersionParam } from './workflow.dto';
import { WorkflowQueries } from './workflow.queries';

@ApiTags('workflow')
@Controller('workflow/definitions')
export class DefinitionsController {
  constructor(private readonly definitions: DefinitionsService) {}

  @Get()
  @ApiOperation({ summary: 'List the newest versions of definitions first' })
  @SignedIn()
  @ZodResponse({ type: DefinitionPage, status: 200 })
  list(@CurrentActor() actor: Actor, @Query() query: ListDefinitionsQuery) {
    return this.definitions.list(actor, query);
  }

  @Post()
  @ApiOperation({ summary: 'Publishes a version', description: 'What is wrong with a document is answered with its place, and a step nobody could decide wherever people work.' })
  @RequirePermission('workflow:publish')
  @ZodResponse({ type: DefinitionResponse, status: 201 })
  publish(@CurrentActor() actor: Actor, @Body() input: PublishDefinition) {
    return this.definitions.publish(actor, input.document, input.anyway);
  }

  @Post('check')
  @ApiOperation({ summary: 'What publishing this would say', description: 'Everything that is wrong with a document, each with its place; where nothing is, the steps the organization has nobody for. Nothing is written.' })
  @HttpCode(200)
  @RequirePermission('workflow:publish')
  @ZodResponse({ type: DefinitionCheck, status: 200 })
  check(@CurrentActor() actor: Actor, @Body() input: CheckDefinition) {
    return this.definitions.check(actor, input.document);
  }

  @Get('schema')
  @ApiOperation({ summary: 'What a document of a definition looks like, as JSON Schema', description: 'For editors; what a schema cannot say is checked when it is published.' })
  @SignedIn()
  @ZodResponse({ type: JsonSchema, status: 200 })
  schema() {
    return definitionSchema;
  }

  @Get(':key')
  @ApiOperation({ summary: 'The newest version of a definition' })
  @SignedIn()
  @ZodResponse({ type: DefinitionResponse, status: 200 })
  get(@CurrentActor() actor: Actor, @Param() { key }: KeyParam) {
    return this.definitions.version(actor, key);
  }

  @Get(':key/versions/:number')
  @ApiOperation({ summary: 'One version of a definition' })
  @SignedIn()
  @ZodResponse({ type: DefinitionResponse, status: 200 })
  version(@CurrentActor() actor: Actor, @Param() { key, number }: VersionParam) {
    return this.definitions.version(actor, key, number);
  }

  @Get(':key/changes')
  @ApiOperation({ summary: 'What has changed from one version to another' })
  @SignedIn()
  @ZodResponse({ type: DefinitionChanges, status: 200 })
  changes(@CurrentActor() actor: Actor, @Param() { key }: KeyParam, @Query() query: ChangesQuery) {
    return this.definitions.changes(actor, key, query);
  }

  @Post(':key/retire')
  @ApiOperation({ summary: 'Lets nothing more be filed by it', description: 'What runs goes on; publishing it again, or restoring it, ends that.' })
  @HttpCode(200)
  @RequirePermission('workflow:publish')
  @ZodResponse({ type: DefinitionResponse, status: 200 })
  retire(@CurrentActor() actor: Actor, @Param() { key }: KeyParam) {
    return this.definitions.retire(actor, key);
  }

  @Post(':key/restore')
  @ApiOperation({ summary: 'Lets it be filed by again' })
  @HttpCode(200)
  @RequirePermission('workflow:publish')
  @ZodResponse({ type: DefinitionResponse, status: 200 })
  restore(@CurrentActor() actor: Actor, @Param() { key }: KeyParam) {
    return this.definitions.restore(actor, key);
  }
}

@ApiTags('workflow')
@Controller('workflow/drafts')
export class DraftsController {
  constructor(private readonly drafts: DraftsService) {}

  @Get()
  @ApiOperation({ summary: 'List definitions somebody is working on' })
  @RequirePermission('workflow:publish')
  @ZodResponse({ type: DraftPage, status: 200 })
  list(@CurrentActor() actor: Actor, @Query() query: ListDefinitionsQuery) {
    return this.drafts.list(actor, query);
  }

  @Get(':key')
  @ApiOperation({ summary: 'The draft of a definition, and what is still wrong with it' })
  @Etagged()
  @RequirePermission('workflow:publish')
  @ZodResponse({ type: DraftResponse, status: 200 })
  get(@CurrentActor() actor: Actor, @Param() { key }: KeyParam) {
    return this.drafts.get(actor, key);
  }

  @Put(':key')
  @ApiOperation({ summary: 'Begins the draft of a definition, or changes it', description: 'A change is based on what was read (If-Match). It is saved whatever is wrong with it; that is answered.' })
  @TakesIfMatch()
  @Etagged()
  @RequirePermission('workflow:publish')
  @ZodResponse({ type: DraftResponse, status: 200 })
  save(@CurrentActor() actor: Actor, @Param() { key }: KeyParam, @Body() input: SaveDefinitionDraft, @IfMatch() ifMatch: string | undefined) {
    return this.drafts.save(actor, key, input.document, ifMatch);
  }

  @Delete(':key')
  @ApiOperation({ summary: 'Throws a draft away' })
  @HttpCode(204)
  @RequirePermission('workflow:publish')
  remove(@CurrentActor() actor: Actor, @Param() { key }: KeyParam) {
    return this.drafts.remove(actor, key);
  }

  @Post(':key/publish')
  @ApiOperation({ summary: 'Makes a draft the newest version', description: 'Where something is wrong with it that is answered, and it stays a draft.' })
  @RequirePermission('workflow:publish')
  @ZodResponse({ type: DefinitionResponse, status: 201 })
  publish(@CurrentActor() actor: Actor, @Param() { key }: KeyParam, @Body() input: PublishDraft) {
    return this.drafts.publish(actor, key, input.anyway);
  }
}

@ApiTags('workflow')
@Controller('workflow')
export class PicturesController {
  constructor(private readonly queries: WorkflowQueries) {}

  @Get('definitions/:key/picture.svg')
  @ApiOperation({ summary: 'A definition as a picture, in the caller’s language' })
  @SvgResponse()
  @SignedIn()
  definition(@CurrentActor() actor: Actor, @Param() { key }: KeyParam) {
    return this.queries.pictureOf(actor, key);
  }

  @Get('definitions/:key/flowchart')
  @ApiOperation({ summary: 'A definition as a Mermaid flowchart, in the caller’s language' })
  @SignedIn()
  @ZodResponse({ type: Flowchart, status: 200 })
  flowchart(@CurrentActor() actor: Actor, @Param() { key }: KeyParam) {
    return this.queries.flowchartOf(actor, key);
  }

  @Get('instances/:id/picture.svg')
  @ApiOperation({ summary: 'A request as a picture: its definition, with what waits and what has been answered' })
  @SvgResponse()
  @SignedIn()
  instance(@CurrentActor() actor: Actor, @Param() { id }: IdParam) {
    return this.queries.picture(actor, id);
  }
}

@ApiTags('workflow')
@Controller('workflow/templates')
export class TemplatesController {
  @Get()
  @ApiOperation({ summary: 'The definitions a foundation starts with, to publish again or to begin one’s own from' })
  @SignedIn()
  @ZodResponse({ type: TemplateList, status: 200 })
  list() {
    return { items: TEMPLATES.map((document) => ({ key: document.key, title: document.title, document: document as unknown as Record<string, unknown> })) };
  }
}
