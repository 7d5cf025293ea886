import type { BackupReport } from './contract.ts';
import { type BackupSources, takeBackup } from './backup/take-backup.ts';

/** The use-cases of owning a lake. */
export interface Operations {
  backup(directory: string, signal: AbortSignal): Promise<BackupReport>;
}

/** Builds the operations of a running lake. */
export function openOperations(sources: BackupSources): Operations {
  return { backup: (directory, signal) => takeBackup(sources, directory, signal) };
}
