import { isLochError } from '../core/errors.ts';

/** The flag every command has. */
export const dataFlag = {
  data: { type: 'string', description: 'The data directory (default: $LOCH_DATA, or loch under your data folder)' },
} as const;

/** Prints one line to standard output. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Runs a command: a failure prints its message and code to standard error and sets the exit code. */
export async function orExplain(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`loch: ${message}\n`);
    if (!isLochError(error) && error instanceof Error && process.env.LOCH_LOG_LEVEL === 'debug') {
      process.stderr.write(`${error.stack}\n`);
    }
    process.exitCode = 1;
  }
}
