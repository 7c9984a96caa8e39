import { configOrExit } from '../platform/config';
import { installJobs } from '../platform/jobs';

export async function installJobsCommand(): Promise<void> {
  const { migrationUrl } = configOrExit().database;
  if (!migrationUrl) throw new Error('MIGRATION_DATABASE_URL is missing: the job tables are the owner’s');
  await installJobs(migrationUrl);
  process.stdout.write('Job tables are installed.\n');
}
