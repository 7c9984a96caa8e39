import { Module } from '@nestjs/common';
import { CalendarsController } from './calendars.controller';
import { CalendarsService } from './calendars.service';

export { addBusinessDays, addBusinessTime, type BusinessCalendar, businessTimeBetween, NoBusinessTime, workingDays } from './business-time';
export { CalendarsService } from './calendars.service';

@Module({ controllers: [CalendarsController], providers: [CalendarsService], exports: [CalendarsService] })
export class CalendarsModule {}
