import { LochError } from '../../core/errors.ts';
import type { CrawlerInput } from '../contract.ts';
import { foldName } from '../databases/limits.ts';
import { placeOf } from './crawler-parts.ts';
import { exclusionTest } from '../databases/exclusions.ts';
import type { CrawlerDefinition } from './rows.ts';
import { configurationOf } from './configuration.ts';

const MOST_SAMPLES = 249;
const MOST_TARGETS = 100;
const LONGEST_PREFIX = 128;

const invalid = (message: string) => new LochError('invalid_argument', message);

/** A crawler's definition with its defaults. **Errors**: `invalid_argument` naming the field; `unsupported`. */
export function checkCrawler(input: CrawlerInput): CrawlerDefinition {
  const name = input.name;
  if (typeof name !== 'string' || name.length === 0 || name.length > 255 || /[\p{Cc}/\\]/u.test(name)) {
    throw invalid('The crawler needs a `name` of 1 to 255 characters without slashes and control characters.');
  }
  if (input.role === undefined || input.role === '') throw invalid(`Crawler \`${name}\` needs a \`role\` to act as.`);
  if (input.targets.length === 0 || input.targets.length > MOST_TARGETS) {
    throw invalid(`Crawler \`${name}\` has ${input.targets.length} targets; it needs 1 to ${MOST_TARGETS}.`);
  }
  const targets = input.targets.map((target) => {
    placeOf(target);
    exclusionTest(target.exclusions);
    const { sampleSize } = target;
    if (sampleSize !== undefined && !(Number.isInteger(sampleSize) && sampleSize >= 1 && sampleSize <= MOST_SAMPLES)) {
      throw invalid(`The sample size of \`${target.path}\` is ${sampleSize}; it must be 1 to ${MOST_SAMPLES}.`);
    }
    return target;
  });
  const tablePrefix = input.tablePrefix ?? '';
  if (tablePrefix.length > LONGEST_PREFIX) {
    throw invalid(`The table prefix has ${tablePrefix.length} characters; the limit is ${LONGEST_PREFIX}.`);
  }
  configurationOf(input.configuration);
  const recrawl = input.recrawl ?? 'CRAWL_EVERYTHING';
  if (recrawl !== 'CRAWL_EVERYTHING') {
    throw new LochError('unsupported', `The recrawl policy ${recrawl} is not supported. Use CRAWL_EVERYTHING.`);
  }
  return {
    name,
    role: input.role,
    database: foldName(input.database, 'database'),
    targets,
    tablePrefix,
    schemaChange: input.schemaChange ?? { update: 'UPDATE_IN_DATABASE', delete: 'DEPRECATE_IN_DATABASE' },
    recrawl,
    ...(input.description === undefined ? {} : { description: input.description }),
    ...(input.configuration === undefined ? {} : { configuration: input.configuration }),
    ...(input.foreign === undefined ? {} : { foreign: input.foreign }),
  };
}
