import { Module } from '@nestjs/common';
import { CalendarsModule } from '../calendars';
import { LeaveController } from './leave.controller';
import { LeaveService } from './leave.service';

export { LeaveService } from './leave.service';

@Module({ imports: [CalendarsModule], controllers: [LeaveController], providers: [LeaveService], exports: [LeaveService] })
export class LeaveModule {}
