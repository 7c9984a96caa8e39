export { installJobs } from './install';
export { type Housekeeping, Jobs, JobsModule } from './jobs';
