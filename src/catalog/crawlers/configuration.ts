import { LochError } from '../../core/errors.ts';

export interface Configuration {
  readonly combine: boolean;
  readonly threshold: number;
  readonly inheritPartitions: boolean;
}

/** The part of Glue's configuration JSON that is heeded. **Errors**: `invalid_argument`, `unsupported`. */
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
  const output = (given.CrawlerOutput ?? {}) as Record<string, { AddOrUpdateBehavior?: string } | undefined>;
  if (grouping.TableLevelConfiguration !== undefined) {
    throw new LochError(
      'unsupported',
      '`Grouping.TableLevelConfiguration` is not supported. Aim a target at each table.',
    );
  }
  const threshold = given.TableThreshold;
  return {
    combine: grouping.TableGroupingPolicy === 'CombineCompatibleSchemas',
    threshold: typeof threshold === 'number' && threshold > 0 ? threshold : Number.POSITIVE_INFINITY,
    inheritPartitions: output.Partitions?.AddOrUpdateBehavior === 'InheritFromTable',
  };
}
