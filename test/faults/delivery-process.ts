/** Puts numbered records into a delivery stream until it is killed; prints each number that is acknowledged. */
import { writeSync } from 'node:fs';
import { openDeliveryLake } from '../../src/testing/builders/delivery-lake.ts';
import { contextOf } from '../../src/testing/builders/request-context.ts';

const [folder, first] = [process.argv[2]!, Number(process.argv[3])];
const lake = await openDeliveryLake(folder);
writeSync(1, 'ready\n');
let next = first;
const sendOn = async (): Promise<never> => {
  for (;;) {
    const numbers = Array.from({ length: 7 }, () => next++);
    await lake.delivery.put(
      contextOf(),
      'numbers',
      numbers.map((number) => Buffer.from(`${number} ${'x'.repeat(number % 900)}\n`)),
    );
    writeSync(1, `${numbers.join('\n')}\n`);
  }
};
await Promise.all([sendOn(), sendOn(), sendOn()]);
