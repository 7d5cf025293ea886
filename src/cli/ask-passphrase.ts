import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { LochError } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';

/** Asks at the terminal for a passphrase that is not shown. **Errors**: `configuration` where there is no terminal. */
export async function askPassphrase(question: string): Promise<Secret> {
  if (process.stdin.isTTY !== true) {
    throw new LochError(
      'configuration',
      'There is no terminal to ask for the passphrase at. Give it by LOCH_KEYS_PASSPHRASE or `keys.passphrase_file`.',
    );
  }
  process.stderr.write(question);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true });
  try {
    return await new Promise((resolve) => lines.question('', (answer) => resolve(new Secret(answer))));
  } finally {
    lines.close();
    process.stderr.write('\n');
  }
}
