import { join } from 'node:path';
import { pino } from 'pino';
import type { EventBus, LochEvent } from '../core/events.ts';

/** Writes every event as one JSON line to `logs/loch.log`; nothing else in Loch logs. */
export interface EventLog {
  readonly file: string;
  failure(message: string, error: unknown): void;
  flush(): void;
}

const FAILURES = /Failed$|Denied$/;
const CHATTY = new Set(['storageObjectCreated', 'storageObjectDeleted', 'doorRequestFinished']);

function levelOf(event: LochEvent): 'debug' | 'info' | 'warn' {
  if (FAILURES.test(event.name)) return 'warn';
  return CHATTY.has(event.name) ? 'debug' : 'info';
}

/** Subscribes to all of `events`. Request failures carry the request id that the caller was told. */
export function openEventLog(options: {
  readonly directory: string;
  readonly level: string;
  readonly events: EventBus;
}): EventLog {
  const file = join(options.directory, 'loch.log');
  const destination = pino.destination({ dest: file, sync: false, mkdir: true });
  const log = pino(
    { level: options.level, base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime },
    destination,
  );
  options.events.subscribe('*', (event) => log[levelOf(event)]({ event: event.name, ...event.payload }));
  return {
    file,
    failure: (message, error) => log.error({ err: error }, message),
    flush: () => destination.flushSync(),
  };
}
