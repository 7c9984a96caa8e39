import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Database } from '../../platform/database';
import { Freshness } from '../../platform/freshness';
import { Subjects } from './subjects.service';

/** How many people of each foundation an instance prepares for, and how many it reads at a time. */
const MOST = 1_000;
const SWATH = 50;

/** Compiles the subjects that used Gloria last, so that a new instance does not start with everybody's first question. */
@Injectable()
export class WarmUp implements OnApplicationShutdown {
  private readonly logger = new Logger('warm-up');
  private over = false;

  constructor(
    private readonly database: Database,
    private readonly freshness: Freshness,
    private readonly subjects: Subjects,
  ) {}

  onApplicationShutdown(): void {
    this.over = true;
  }

  /** Resolves to how many it compiled. Never rejects: whoever is not prepared for is read when they come. */
  async run(): Promise<number> {
    let done = 0;
    try {
      const rows = await this.database.hot<{ foundation_id: string; person_id: string }>('SELECT foundation_id, person_id FROM gloria_recently_active($1)', [MOST]);
      for (const foundationId of new Set(rows.map((row) => row.foundation_id))) {
        const people = rows.filter((row) => row.foundation_id === foundationId).map((row) => row.person_id);
        for (let from = 0; from < people.length && !this.over; from += SWATH) {
          const swath = people.slice(from, from + SWATH);
          await this.subjects.getMany(foundationId, swath, await this.freshness.moment(foundationId));
          done += swath.length;
        }
      }
      if (done > 0) this.logger.log(`prepared for ${done} of ${rows.length} people`);
    } catch (error) {
      if (!this.over) this.logger.warn({ msg: 'not prepared for anybody', err: error });
    }
    return done;
  }
}
