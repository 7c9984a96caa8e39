import { Global, Module } from '@nestjs/common';
import { Metrics } from './metrics';

export { loggerOptions } from './logger';
export { Metrics } from './metrics';

@Global()
@Module({ providers: [Metrics], exports: [Metrics] })
export class TelemetryModule {}
