import { LochError } from '../../core/errors.ts';
import type { OptimizerConfiguration, OptimizerType } from './contract.ts';

export const OPTIMIZER_TYPES: readonly OptimizerType[] = ['compaction', 'retention', 'orphan_file_deletion'];

const invalid = (message: string) => new LochError('invalid_argument', message);

function count(value: number | undefined, name: string, least: number, most: number): void {
  if (value === undefined || (Number.isInteger(value) && value >= least && value <= most)) return;
  throw invalid(`\`${name}\` is ${value}; it must be a whole number of ${least} to ${most}.`);
}

/** **Errors**: `invalid_argument` naming the member. */
export function checkConfiguration(type: OptimizerType, given: OptimizerConfiguration): OptimizerConfiguration {
  if (!OPTIMIZER_TYPES.includes(type)) {
    throw invalid(`\`Type\` is \`${type}\`; known: ${OPTIMIZER_TYPES.join(', ')}.`);
  }
  const members = { compaction: 'compaction', retention: 'retention', orphan_file_deletion: 'orphans' } as const;
  for (const [other, member] of Object.entries(members)) {
    if (other === type || given[member] === undefined) continue;
    throw invalid(`An optimizer \`${type}\` takes no configuration of \`${other}\`.`);
  }
  const { compaction, retention, orphans } = given;
  if (compaction?.strategy !== undefined && !['binpack', 'sort'].includes(compaction.strategy)) {
    throw new LochError(
      'unsupported',
      `The compaction strategy \`${compaction.strategy}\` is not supported. Use binpack or sort.`,
    );
  }
  count(compaction?.minFiles, 'minInputFiles', 2, 100_000);
  count(compaction?.deleteFileThreshold, 'deleteFileThreshold', 1, 100_000);
  count(retention?.snapshotDays, 'snapshotRetentionPeriodInDays', 1, 36_500);
  count(retention?.snapshotsKept, 'numberOfSnapshotsToRetain', 1, 1_000_000);
  count(orphans?.olderThanDays, 'orphanFileRetentionPeriodInDays', 1, 36_500);
  count(given.everyHours, 'runRateInHours', 3, 168);
  return given;
}
