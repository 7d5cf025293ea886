import { LochError } from '../../core/errors.ts';
import type { CrawlerInput, CrawlerSchedule, CrawlerTarget } from '../contract.ts';
import { exclusionTest } from '../databases/exclusions.ts';
import { foldName } from '../databases/limits.ts';
import { configurationOf } from './configuration.ts';
import { placeOf } from './crawler-parts.ts';
import type { CrawlerDefinition } from './rows.ts';
import { checkSchedule } from './schedule.ts';

const MOST_SAMPLES = 249;
const MOST_TARGETS = 100;
const LONGEST_PREFIX = 128;
const MOST_CLASSIFIERS = 100;
const DEEPEST = 20;

const invalid = (message: string) => new LochError('invalid_argument', message);

function checkTarget(target: CrawlerTarget): CrawlerTarget {
  const { kind = 's3', path, sampleSize, maximumDepth } = target;
  exclusionTest(target.exclusions);
  if (kind === 'jdbc') {
    if (target.connection === undefined || target.connection === '') {
      throw invalid(`The JDBC target \`${path}\` needs the name of a connection.`);
    }
    const segments = path.split('/');
    if (path === '' || segments.length > 3 || segments.some((segment) => segment === '')) {
      throw invalid(`The JDBC target \`${path}\` is not \`database/schema/table\`; \`%\` stands for any.`);
    }
    return target;
  }
  if (kind === 'catalog') {
    if (!/^[^/]+\/[^/]+$/.test(path)) throw invalid(`The catalog target \`${path}\` is not \`database/table\`.`);
    return target;
  }
  placeOf(target);
  if (sampleSize !== undefined && !(Number.isInteger(sampleSize) && sampleSize >= 1 && sampleSize <= MOST_SAMPLES)) {
    throw invalid(`The sample size of \`${path}\` is ${sampleSize}; it must be 1 to ${MOST_SAMPLES}.`);
  }
  if (maximumDepth !== undefined && !(Number.isInteger(maximumDepth) && maximumDepth >= 1 && maximumDepth <= DEEPEST)) {
    throw invalid(`The traversal depth of \`${path}\` is ${maximumDepth}; it must be 1 to ${DEEPEST}.`);
  }
  return target;
}

/** A crawler's definition with its defaults. **Errors**: `invalid_argument` naming the field; `unsupported`. */
export function checkCrawler(
  input: Omit<CrawlerInput, 'schedule'> & { readonly schedule?: CrawlerInput['schedule'] | CrawlerSchedule },
): CrawlerDefinition {
  const name = input.name;
  if (typeof name !== 'string' || name.length === 0 || name.length > 255 || /[\p{Cc}/\\]/u.test(name)) {
    throw invalid('The crawler needs a `name` of 1 to 255 characters without slashes and control characters.');
  }
  if (input.role === undefined || input.role === '') throw invalid(`Crawler \`${name}\` needs a \`role\` to act as.`);
  if (input.targets.length === 0 || input.targets.length > MOST_TARGETS) {
    throw invalid(`Crawler \`${name}\` has ${input.targets.length} targets; it needs 1 to ${MOST_TARGETS}.`);
  }
  const targets = input.targets.map(checkTarget);
  const kinds = new Set(targets.map((target) => target.kind ?? 's3'));
  if (kinds.has('catalog') && kinds.size > 1) {
    throw invalid(
      `Crawler \`${name}\` has catalog targets beside others; a crawler of the catalog has no other targets.`,
    );
  }
  const databases = new Set(targets.filter(({ kind }) => kind === 'catalog').map(({ path }) => path.split('/')[0]));
  if (databases.size > 1) {
    throw invalid(`Crawler \`${name}\` has catalog targets in ${databases.size} databases; make a crawler for each.`);
  }
  const tablePrefix = input.tablePrefix ?? '';
  if (tablePrefix.length > LONGEST_PREFIX) {
    throw invalid(`The table prefix has ${tablePrefix.length} characters; the limit is ${LONGEST_PREFIX}.`);
  }
  configurationOf(input.configuration);
  const recrawl = input.recrawl ?? 'CRAWL_EVERYTHING';
  if (!['CRAWL_EVERYTHING', 'CRAWL_NEW_FOLDERS_ONLY', 'CRAWL_EVENT_MODE'].includes(recrawl)) {
    throw invalid(`\`${recrawl}\` is no recrawl policy.`);
  }
  if (recrawl !== 'CRAWL_EVERYTHING' && [...kinds].some((kind) => kind !== 's3')) {
    throw invalid(`The recrawl policy ${recrawl} is for S3 targets; \`${name}\` has ${[...kinds].join(', ')}.`);
  }
  const schemaChange = input.schemaChange ?? { update: 'UPDATE_IN_DATABASE', delete: 'DEPRECATE_IN_DATABASE' };
  if (kinds.has('catalog') && schemaChange.delete !== 'LOG') {
    throw invalid(`Crawler \`${name}\` crawls the catalog; its delete behaviour must be LOG.`);
  }
  const classifiers = input.classifiers ?? [];
  if (classifiers.length > MOST_CLASSIFIERS) {
    throw invalid(`Crawler \`${name}\` names ${classifiers.length} classifiers; the limit is ${MOST_CLASSIFIERS}.`);
  }
  const schedule = scheduleOf(input.schedule);
  return {
    name,
    role: input.role,
    database: kinds.has('catalog')
      ? foldName(input.database || targets[0]!.path.split('/')[0], 'database')
      : foldName(input.database, 'database'),
    targets,
    tablePrefix,
    schemaChange,
    recrawl,
    ...(input.description === undefined ? {} : { description: input.description }),
    ...(input.configuration === undefined ? {} : { configuration: input.configuration }),
    ...(classifiers.length === 0 ? {} : { classifiers }),
    ...(schedule === undefined ? {} : { schedule }),
    ...(input.foreign === undefined ? {} : { foreign: input.foreign }),
  };
}

function scheduleOf(given: string | CrawlerSchedule | undefined): CrawlerSchedule | undefined {
  if (given === undefined || given === '') return undefined;
  if (typeof given !== 'string') return given;
  checkSchedule(given);
  return { expression: given, state: 'SCHEDULED' };
}
