import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { ZodResponse } from 'nestjs-zod';
import { type Actor, CurrentActor, SignedIn } from '../../access';
import { SubstitutionsService } from './substitutions.service';
import { IdParam, ListSubstitutions, SubstitutionPage, SubstitutionResponse, SubstituteInput } from './workflow.dto';

@ApiTags('workflow')
@Controller('workflow/substitutions')
export class SubstitutionsController {
  constructor(private readonly substitutions: SubstitutionsService) {}

  @Get()
  @ApiOperation({ summary: 'Who stands in for whom, now or later', description: 'The caller’s own, on either side; `of=everybody` or another person’s for who holds `workflow:administer`.' })
  @SignedIn()
  @ZodResponse({ type: SubstitutionPage, status: 200 })
  list(@CurrentActor() actor: Actor, @Query() query: ListSubstitutions) {
    return this.substitutions.list(actor, query);
  }

  @Post()
  @ApiOperation({ summary: 'Lets somebody decide requests in one’s place while one is away', description: 'It gives no right: the substitute sees and decides what they could decide if they were asked. What they do is on record in both names.' })
  @SignedIn()
  @ZodResponse({ type: SubstitutionResponse, status: 201 })
  begin(@CurrentActor() actor: Actor, @Body() input: SubstituteInput) {
    return this.substitutions.begin(actor, input);
  }

  @Delete(':id')
  @ApiOperation({ summary: 'Ends it before its time', description: 'By who is away, who stands in, or who holds `workflow:administer`.' })
  @HttpCode(204)
  @SignedIn()
  end(@CurrentActor() actor: Actor, @Param() { id }: IdParam): Promise<void> {
    return this.substitutions.end(actor, id);
  }
}
