import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { ZodResponse } from 'nestjs-zod';
import { type Actor, CurrentActor, RequirePermission, SignedIn } from '../../access';
import { SvgResponse } from '../../http';
import { ExplainInput, Explanation, GraphQuery } from './explain.dto';
import { ExplainService } from './explain.service';
import { GraphService } from './graph.service';
import { SimulateInput, Simulation } from './simulate.dto';
import { SimulateService } from './simulate.service';

@ApiTags('permissions')
@Controller('permissions')
export class ExplainController {
  constructor(
    private readonly explainer: ExplainService,
    private readonly graphs: GraphService,
    private readonly simulator: SimulateService,
  ) {}

  @Post('explain')
  @ApiOperation({ summary: 'Why somebody may do something, or what they lack', description: 'Steps from the person to the grant; for a refusal what is nearest and who could change it. Asking about others needs `permission:check`.' })
  @HttpCode(200)
  @SignedIn()
  @ZodResponse({ type: Explanation, status: 200 })
  explain(@CurrentActor() actor: Actor, @Body() input: ExplainInput) {
    return this.explainer.explain(actor, input);
  }

  @Post('simulate')
  @ApiOperation({ summary: 'Who would gain and lose what', description: 'Up to 100 changes tried together on what there is; nothing is written. Whether you could make them is not asked.' })
  @HttpCode(200)
  @RequirePermission('permission:check')
  @ZodResponse({ type: Simulation, status: 200 })
  simulate(@CurrentActor() actor: Actor, @Body() input: SimulateInput) {
    return this.simulator.simulate(actor, input);
  }

  @Get('graph.svg')
  @ApiOperation({ summary: 'What somebody holds, as a picture', description: 'Yourself where nobody is named; of others with `permission:check`.' })
  @SvgResponse()
  @SignedIn()
  graph(@CurrentActor() actor: Actor, @Query() { personId }: GraphQuery) {
    return this.graphs.svg(actor, personId);
  }
}
