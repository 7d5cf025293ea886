/** Owning and running Loch: backup and restore. */

/** What a backup holds. **Units**: bytes. */
export interface BackupReport {
  readonly directory: string;
  readonly objects: number;
  readonly bytes: number;
  readonly metadataBytes: number;
}

/** The use-cases of owning a lake. */
export interface Operations {
  /**
   * One consistent copy of the running lake in the new directory `directory`.
   * **Errors**: `already_exists`, `invalid_argument` for a place inside the data directory, `disk_full`.
   */
  backup(directory: string, signal: AbortSignal): Promise<BackupReport>;
}
