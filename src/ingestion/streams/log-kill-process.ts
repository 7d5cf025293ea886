/** Appends numbered records until it is killed, and prints how many are acknowledged. */
import { writeSync } from 'node:fs';
import { AppendLog } from './log.ts';

const log = await AppendLog.open({ directory: process.argv[2]!, segmentBytes: 4096 });
let next = log.next;
const sendOn = async (): Promise<never> => {
  for (;;) {
    const batch = Array.from({ length: 3 }, (_, i) => Buffer.from(`record ${next + i}`));
    next += batch.length;
    const { until } = await log.append(batch, { arrivedAt: Date.now(), newline: false });
    writeSync(1, `${until}\n`);
  }
};
await Promise.all([sendOn(), sendOn(), sendOn(), sendOn()]);
