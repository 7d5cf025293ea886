import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

/** What the demo was asked to do. */
export interface DemoOptions {
  readonly scale: number;
  readonly data: string;
  readonly once: boolean;
  readonly clean: boolean;
  readonly pg?: string;
  readonly seed: string;
  /** Ports of Loch; 0 takes any free one. */
  readonly awsPort: string;
  readonly consolePort: string;
}

export const USAGE = `npm run demo -- [--once] [--scale 1] [--data DIR] [--clean] [--pg postgres://...] [--seed halden] [--aws-port N] [--console-port N]`;

/** **Errors**: a message with the usage for unknown flags and bad values. */
export function demoOptions(args: readonly string[]): DemoOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      once: { type: 'boolean', default: false },
      clean: { type: 'boolean', default: false },
      scale: { type: 'string', default: '1' },
      data: { type: 'string' },
      pg: { type: 'string' },
      seed: { type: 'string', default: 'halden' },
      'aws-port': { type: 'string', default: '4566' },
      'console-port': { type: 'string', default: '4567' },
    },
  });
  const scale = Number(values.scale);
  if (!(scale > 0 && scale <= 100))
    throw new Error(`--scale is a number above 0 and at most 100, not ${values.scale}.`);
  return {
    scale,
    data: resolve(values.data ?? join(tmpdir(), 'loch-demo')),
    once: values.once,
    clean: values.clean,
    seed: values.seed,
    awsPort: values['aws-port'],
    consolePort: values['console-port'],
    ...(values.pg === undefined ? {} : { pg: values.pg }),
  };
}
