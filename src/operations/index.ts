import { type BackupSources, takeBackup } from './backup/take-backup.ts';
import type { Operations } from './contract.ts';

/** Builds the operations of a running lake. */
export function openOperations(sources: BackupSources): Operations {
  return { backup: (directory, signal) => takeBackup(sources, directory, signal) };
}
