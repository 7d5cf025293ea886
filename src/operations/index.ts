import type { Clock } from '../core/clock.ts';
import { listPoints } from './backup/points/point-file.ts';
import { takePoint } from './backup/points/take-point.ts';
import { type BackupSchedule, openBackupSchedule } from './backup/schedule.ts';
import { type BackupSources, takeBackup } from './backup/take-backup.ts';
import type { Operations, PointRetention } from './contract.ts';
import { openOutboxUpkeep } from './outbox-upkeep.ts';

/** Points taken by the clock. */
export interface ScheduledBackups {
  readonly directory: string;
  readonly schedule: string;
  readonly timeZone: string;
  readonly retention: PointRetention;
}

/** Builds the operations of a running lake. **Errors**: `configuration` for a schedule that is none. */
export async function openOperations(
  sources: BackupSources & {
    readonly clock: Clock;
    readonly scheduled?: ScheduledBackups;
    readonly onFailure: (error: Error) => void;
  },
): Promise<Operations & { readonly schedule?: BackupSchedule; close(): Promise<void> }> {
  const { clock, scheduled, onFailure } = sources;
  const take = (directory: string, signal: AbortSignal, retention?: PointRetention) =>
    takePoint(sources, directory, {
      now: clock.now(),
      signal,
      ...(retention === undefined ? {} : { retention }),
    });
  const schedule =
    scheduled === undefined
      ? undefined
      : await openBackupSchedule({
          schedule: scheduled.schedule,
          timeZone: scheduled.timeZone,
          clock,
          last: async () => (await listPoints(scheduled.directory)).at(-1),
          take: (signal) => take(scheduled.directory, signal, scheduled.retention),
          onFailure,
        });
  const outbox = openOutboxUpkeep({ store: sources.store, clock, onFailure });
  return {
    backup: (directory, signal) => takeBackup(sources, directory, signal),
    backupPoint: (directory, signal) => take(directory, signal),
    ...(schedule === undefined ? {} : { schedule }),
    async close() {
      await schedule?.close();
      await outbox.close();
    },
  };
}
