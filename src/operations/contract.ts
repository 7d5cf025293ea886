/** Owning and running Loch: backup and restore. */

/** What a backup holds. **Units**: bytes. */
export interface BackupReport {
  readonly directory: string;
  readonly objects: number;
  readonly bytes: number;
  readonly metadataBytes: number;
}

/** A point of a repository of backups. **Units**: bytes; `added`: what this point brought that no earlier one had. */
export interface BackupPoint {
  readonly id: string;
  readonly takenAt: string;
  readonly files: number;
  readonly bytes: number;
  readonly added: number;
}

/** Which points stay: the newest so many, and none older than so many days; the newest one always. */
export interface PointRetention {
  readonly points: number;
  readonly days: number;
}

/** The use-cases of owning a lake. */
export interface Operations {
  /**
   * One consistent copy of the running lake in the new directory `directory`.
   * **Errors**: `already_exists`, `invalid_argument` for a place inside the data directory, `disk_full`.
   */
  backup(directory: string, signal: AbortSignal): Promise<BackupReport>;
  /**
   * One consistent point of the running lake in the repository `directory`, which is begun when it is not there; only what
   * is new since the last point is written. **Errors**: `conflict` while another is taken there, `invalid_argument`,
   * `already_exists` for a directory of something else.
   */
  backupPoint(directory: string, signal: AbortSignal): Promise<BackupPoint>;
}
