import { LochError } from '../../core/errors.ts';

export interface Configuration {
  /** CombineCompatibleSchemas: folders are one table wherever their formats allow it. */
  readonly combine: boolean;
  /** The depth of the folders that are tables, the bucket being 1. */
  readonly tableLevel?: number;
  readonly threshold: number;
  readonly inheritPartitions: boolean;
  /** New columns are added and nothing else of a table's schema changes. */
  readonly mergeNewColumns: boolean;
  readonly partitionIndex: boolean;
}

/** The part of Glue's configuration JSON that is heeded. **Errors**: `invalid_argument`. */
export function configurationOf(text: string | undefined): Configuration {
  let given: Record<string, unknown> = {};
  if (text !== undefined && text.trim() !== '') {
    try {
      given = JSON.parse(text) as Record<string, unknown>;
    } catch (error) {
      throw new LochError('invalid_argument', '`Configuration` is not JSON.', { cause: error });
    }
    if (given === null || typeof given !== 'object') {
      throw new LochError('invalid_argument', '`Configuration` is not a JSON object.');
    }
  }
  const grouping = (given.Grouping ?? {}) as Record<string, unknown>;
  const output = (given.CrawlerOutput ?? {}) as Record<
    string,
    { AddOrUpdateBehavior?: string; TableThreshold?: number } | undefined
  >;
  const level = grouping.TableLevelConfiguration;
  if (level !== undefined && !(Number.isInteger(level) && (level as number) >= 1)) {
    throw new LochError(
      'invalid_argument',
      '`Grouping.TableLevelConfiguration` must be a whole number from 1 (the bucket) on.',
    );
  }
  const threshold = output.Tables?.TableThreshold ?? given.TableThreshold;
  return {
    combine: grouping.TableGroupingPolicy === 'CombineCompatibleSchemas',
    ...(level === undefined ? {} : { tableLevel: level as number }),
    threshold: typeof threshold === 'number' && threshold > 0 ? threshold : Number.POSITIVE_INFINITY,
    inheritPartitions: output.Partitions?.AddOrUpdateBehavior === 'InheritFromTable',
    mergeNewColumns: output.Tables?.AddOrUpdateBehavior === 'MergeNewColumns',
    partitionIndex: given.CreatePartitionIndex === true,
  };
}
