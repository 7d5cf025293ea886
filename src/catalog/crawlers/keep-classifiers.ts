/** The use-cases of custom classifiers: create, update, delete, look at. */
import { glueArn } from '../../core/arn.ts';
import type { RequestContext } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import type { ClassifierInput, ClassifierRecord, Classifiers } from '../contract.ts';
import { CSV_TYPE_NAMES } from './classifiers/custom.ts';
import { expandGrok, LONGEST_CUSTOM_PATTERNS, parseCustomPatterns } from './classifiers/grok.ts';
import { pathSteps } from './classifiers/json.ts';
import type { CrawlerParts } from './crawler-parts.ts';
import crawlerStore from './store.ts';

const invalid = (message: string) => new LochError('invalid_argument', message);

/** **Errors**: `invalid_argument` naming the field. */
function checkClassifier(input: ClassifierInput): void {
  const { name } = input;
  if (typeof name !== 'string' || name.length === 0 || name.length > 255 || /[\p{Cc}/\\]/u.test(name)) {
    throw invalid('The classifier needs a `name` of 1 to 255 characters without slashes and control characters.');
  }
  switch (input.kind) {
    case 'grok':
      checkWord(name, input.classification);
      if ((input.customPatterns?.length ?? 0) > LONGEST_CUSTOM_PATTERNS) {
        throw invalid(`The custom patterns of \`${name}\` are longer than ${LONGEST_CUSTOM_PATTERNS} characters.`);
      }
      expandGrok(input.pattern, parseCustomPatterns(input.customPatterns ?? ''));
      return;
    case 'xml':
      checkWord(name, input.classification);
      if (!/^[\p{L}_][\p{L}\p{N}_.:-]*$/u.test(input.rowTag ?? '')) {
        throw invalid(`The row tag \`${input.rowTag}\` of \`${name}\` is no name of an element.`);
      }
      return;
    case 'json':
      if (input.path === undefined || pathSteps(input.path) === undefined) {
        throw invalid(`The JSON path \`${input.path}\` of \`${name}\` is not read. Write \`$.a.b[*]\` or \`$[*]\`.`);
      }
      return;
    case 'csv':
      checkCsv(input);
  }
}

function checkWord(name: string, classification: string | undefined): void {
  if (classification === undefined || !/^[\w.-]{1,255}$/.test(classification)) {
    throw invalid(`The classifier \`${name}\` needs a classification of letters, digits, \`_\`, \`.\` and \`-\`.`);
  }
}

function checkCsv(input: Extract<ClassifierInput, { kind: 'csv' }>): void {
  const { name, delimiter, quote, names, datatypes } = input;
  if (delimiter !== undefined && [...delimiter].length !== 1) {
    throw invalid(`The delimiter of \`${name}\` must be one character.`);
  }
  if (quote !== undefined && [...quote].length !== 1)
    throw invalid(`The quote symbol of \`${name}\` must be one character.`);
  if (delimiter !== undefined && delimiter === quote) {
    throw invalid(`The delimiter and the quote symbol of \`${name}\` are the same.`);
  }
  if (names?.some((column) => column.trim() === '' || column.length > 255)) {
    throw invalid(`The header of \`${name}\` has an empty name, or one longer than 255 characters.`);
  }
  const unknown = datatypes?.find((type) => !CSV_TYPE_NAMES.includes(type.toUpperCase()));
  if (unknown !== undefined) {
    throw invalid(`\`${unknown}\` is no data type of \`${name}\`. Known: ${CSV_TYPE_NAMES.join(', ')}.`);
  }
}

const authorize = (parts: CrawlerParts, context: RequestContext, action: string, name: string) =>
  parts.policy.authorize(context, {
    action: `glue:${action}`,
    resource: glueArn(parts.region, parts.accountId, `classifier/${name}`),
  });

/** What is not stated is left out, so that a record holds no `undefined`. */
const stated = <T extends object>(input: T): T =>
  Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined)) as T;

/** The classifiers of the account. */
export function classifierUseCases(parts: CrawlerParts): Classifiers {
  const { store } = parts;
  const { procedures } = crawlerStore;
  return {
    async create(context, input) {
      checkClassifier(input);
      await authorize(parts, context, 'CreateClassifier', input.name);
      return store.write(procedures.createClassifier, { input: stated(input), at: parts.clock.now() });
    },
    async update(context, name, kind, changes) {
      await authorize(parts, context, 'UpdateClassifier', name);
      const before = await store.read(procedures.classifier, { name });
      if (before.kind !== kind) {
        throw invalid(
          `The classifier \`${name}\` is of kind ${before.kind}; it cannot become ${kind}. Make a new one.`,
        );
      }
      const { createdAt: _, updatedAt: __, version: ___, ...input } = { ...before, ...stated(changes), name, kind };
      checkClassifier(input as ClassifierInput);
      return store.write(procedures.updateClassifier, { input: input as ClassifierInput, at: parts.clock.now() });
    },
    async get(context, name) {
      await authorize(parts, context, 'GetClassifier', name);
      return store.read(procedures.classifier, { name });
    },
    async list(context) {
      await authorize(parts, context, 'GetClassifiers', '*');
      return store.read(procedures.classifiers, {});
    },
    async delete(context, name) {
      await authorize(parts, context, 'DeleteClassifier', name);
      await store.write(procedures.deleteClassifier, { name });
    },
  };
}

/** The classifiers that a crawl names, in its order, and the names of those that are gone. */
export async function namedClassifiers(
  parts: CrawlerParts,
  names: readonly string[],
): Promise<{ readonly classifiers: readonly ClassifierRecord[]; readonly missing: readonly string[] }> {
  if (names.length === 0) return { classifiers: [], missing: [] };
  const known = new Map(
    (await parts.store.read(crawlerStore.procedures.classifiers, {})).map((one) => [one.name, one]),
  );
  return {
    classifiers: names.flatMap((name) => known.get(name) ?? []),
    missing: names.filter((name) => !known.has(name)),
  };
}
