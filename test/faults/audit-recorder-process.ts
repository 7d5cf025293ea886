/** A program that changes grants and records events until it is killed, and prints what was acknowledged. */
import { openTestLakeAt } from '../../src/testing/builders/test-lake.ts';

const lake = await openTestLakeAt(process.argv[2]!);
const acknowledge = (text: string) => process.stdout.write(`${text}\n`);
let running = 0;

async function act(number: string): Promise<void> {
  const context = { ...lake.root, requestId: number };
  await lake.governance.audit.recordManagement(context, {
    eventSource: 'glue.amazonaws.com',
    eventName: 'CreateTable',
    readOnly: false,
  });
  await lake.governance.audit.recordData(context, [
    { eventSource: 's3.amazonaws.com', eventName: 'PutObject', resource: number },
  ]);
  acknowledge(number);
}

acknowledge('ready');
for (let number = 0; ; number++) {
  running += 1;
  void act(`${process.pid}-${number}`).finally(() => {
    running -= 1;
  });
  if (running >= 16) await new Promise((resolve) => setImmediate(resolve));
}
