/** An end with a clear message and a meaningful exit code (sysexits.h; 1 where something was tried and undone). */
export class Refusal extends Error {
  constructor(exitCode, message) {
    super(message);
    this.exitCode = exitCode;
  }
}
