/** Owning and running Loch: backup, restore, doctor. Types only. */

export interface BackupReport {
  readonly directory: string;
  readonly objects: number;
  readonly bytes: number;
  readonly metadataBytes: number;
}
