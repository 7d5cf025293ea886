import { readFileSync } from 'node:fs';

/** What `scripts/launch.mjs` tells Node when it starts Loch. */
export const NODE_FLAGS = JSON.parse(
  readFileSync(new URL('../../../scripts/node-flags.json', import.meta.url), 'utf8'),
) as readonly string[];
