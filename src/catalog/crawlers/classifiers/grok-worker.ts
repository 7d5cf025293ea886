/** The thread in which patterns of callers run: it says at which line it is, so that it can be ended there. */
import { parentPort } from 'node:worker_threads';
import type { MatchRequest } from './grok.ts';

parentPort!.on('message', ({ source, flags, lines, progress }: MatchRequest) => {
  const position = new Int32Array(progress);
  const expression = new RegExp(source, flags);
  let matched = 0;
  lines.forEach((line, at) => {
    Atomics.store(position, 0, at);
    if (expression.test(line)) matched++;
  });
  parentPort!.postMessage(matched);
});
