import { Problem } from '../access';
import { postgresError } from '../platform/database';

/**
 * Runs `work` and turns the violation of a named constraint into the problem it stands for; everything else is thrown
 * on. Constraints say what is wrong, so nothing is read first and then inserted.
 */
export async function namingConstraints<T>(constraints: Readonly<Record<string, () => Problem>>, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const violated = postgresError(error)?.constraint;
    const problem = violated ? constraints[violated] : undefined;
    throw problem ? problem() : error;
  }
}
