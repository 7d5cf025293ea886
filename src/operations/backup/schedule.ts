import { Cron } from 'croner';
import type { Clock } from '../../core/clock.ts';
import { LochError, toLochError } from '../../core/errors.ts';
import type { BackupPoint } from '../contract.ts';

const LOOK_EVERY_MS = 15_000;

export interface ScheduleOptions {
  /** Five or six fields of cron. */
  readonly schedule: string;
  readonly timeZone: string;
  readonly clock: Clock;
  /** The newest point, if there is one. */
  readonly last: () => Promise<BackupPoint | undefined>;
  readonly take: (signal: AbortSignal) => Promise<BackupPoint>;
  /** A point that failed or came too late. */
  readonly onFailure: (error: Error) => void;
}

/** Points by the clock. A window that passed while Loch was down, or a point that failed, is made up for. */
export interface BackupSchedule {
  /** When the next point is due. **Units**: milliseconds since 1970 UTC. */
  readonly due: () => number;
  /** Takes a point if one is due; what the timer does. */
  look(): Promise<BackupPoint | undefined>;
  close(): Promise<void>;
}

/** **Errors**: `configuration` for a schedule that is no cron expression, or never comes. */
export async function openBackupSchedule(options: ScheduleOptions): Promise<BackupSchedule> {
  const { clock } = options;
  const cron = parse(options);
  const after = (time: number): number => {
    const next = cron.nextRun(new Date(time));
    if (next === null) throw wrong(options.schedule, 'it never comes');
    return next.getTime();
  };
  const last = await options.last();
  let due = after(last === undefined ? clock.now() : Date.parse(last.takenAt));
  const missed = due < clock.now() - 60_000;
  if (missed) {
    options.onFailure(
      new LochError(
        'unavailable',
        `The backup that was due on ${new Date(due).toISOString()} was missed; it is taken now.`,
      ),
    );
  }
  const stop = new AbortController();
  let running: Promise<BackupPoint | undefined> | undefined;
  const look = async (): Promise<BackupPoint | undefined> => {
    if (running !== undefined || clock.now() < due) return running;
    const work = async () => {
      const begun = clock.now();
      try {
        return await options.take(stop.signal);
      } catch (error) {
        if (!stop.signal.aborted) options.onFailure(toLochError(error));
        return undefined;
      } finally {
        due = after(begun);
        running = undefined;
      }
    };
    running = work();
    return running;
  };
  const timer = setInterval(() => void look(), LOOK_EVERY_MS);
  timer.unref();
  return {
    due: () => due,
    look,
    async close() {
      clearInterval(timer);
      stop.abort();
      await running;
    },
  };
}

function parse({ schedule, timeZone }: ScheduleOptions): Cron {
  try {
    return new Cron(schedule, { timezone: timeZone, paused: true });
  } catch (cause) {
    throw wrong(schedule, (cause as Error).message, cause);
  }
}

const wrong = (schedule: string, why: string, cause?: unknown) =>
  new LochError(
    'configuration',
    `\`backup.schedule\` is ${schedule}: ${why}. Example: 0 3 * * * (each day at three).`,
    {
      context: { setting: 'backup.schedule' },
      cause,
    },
  );
