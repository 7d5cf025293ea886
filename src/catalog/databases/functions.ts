import type { RequestContext } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import { authorizeGlue, glueAllows, requireDatabase } from './access.ts';
import type { FunctionInput, FunctionKeeping, FunctionRecord } from './contract.ts';
import { foldName } from './limits.ts';
import { namePattern } from './name-pattern.ts';
import type { CatalogParts } from './parts.ts';
import databaseStore from './store.ts';

const BATCH = 500;
const MOST_RESOURCES = 1000;

function check(input: FunctionInput): FunctionInput {
  const name = foldName(input.name, 'function');
  if (input.className !== undefined && (input.className.length === 0 || input.className.length > 255)) {
    throw new LochError('invalid_argument', `\`ClassName\` of function \`${name}\` must have 1 to 255 characters.`);
  }
  if (input.owner !== undefined && (input.owner.length === 0 || input.owner.length > 255)) {
    throw new LochError('invalid_argument', `\`OwnerName\` of function \`${name}\` must have 1 to 255 characters.`);
  }
  if (input.resources.length > MOST_RESOURCES) {
    throw new LochError(
      'invalid_argument',
      `\`ResourceUris\` of function \`${name}\` has ${input.resources.length} entries; the limit is ${MOST_RESOURCES}.`,
    );
  }
  for (const { uri } of input.resources) {
    if (uri.length > 0 && uri.length <= 1024) continue;
    throw new LochError(
      'invalid_argument',
      `A \`ResourceUri\` of function \`${name}\` has ${uri.length} characters; it must have 1 to 1024.`,
    );
  }
  return { ...input, name };
}

/** The use-cases of functions. Changing those of a database needs ALTER on it. */
export function functionUseCases(parts: CatalogParts): FunctionKeeping {
  const allow = async (context: RequestContext, action: string, database: string, name: string) => {
    await authorizeGlue(parts, context, action, { database });
    await parts.policy.authorize(context, {
      action: `glue:${action}`,
      resource: `arn:aws:glue:${parts.region}:${parts.accountId}:userDefinedFunction/${database}/${name}`,
    });
  };
  const page = async (
    context: RequestContext,
    database: string,
    after: string | undefined,
    test: (one: FunctionRecord) => boolean,
    limit: number,
  ): Promise<FunctionRecord[]> => {
    const found: FunctionRecord[] = [];
    let from = after;
    for (;;) {
      const some = await parts.store.read(databaseStore.procedures.functions, {
        database,
        limit: BATCH,
        ...(from === undefined ? {} : { after: from }),
      });
      for (const one of some) {
        if (found.length >= limit) return found;
        const resource = `userDefinedFunction/${database}/${one.name}`;
        if (test(one) && (await glueAllows(parts, context, 'GetUserDefinedFunctions', resource))) found.push(one);
      }
      if (some.length < BATCH) return found;
      from = some.at(-1)!.name;
    }
  };
  return {
    async createFunction(context, given, input) {
      const database = given.toLowerCase();
      const checked = check(input);
      await allow(context, 'CreateUserDefinedFunction', database, checked.name);
      await requireDatabase(parts, context, database, 'ALTER');
      await parts.store.write(databaseStore.procedures.insertFunction, {
        database,
        input: checked,
        at: parts.clock.now(),
      });
    },

    async updateFunction(context, given, givenName, input) {
      const database = given.toLowerCase();
      const name = givenName.toLowerCase();
      const checked = check({ ...input, name: input.name === '' ? name : input.name });
      if (checked.name !== name) {
        throw new LochError('invalid_argument', `Function \`${name}\` cannot be renamed to \`${checked.name}\`.`);
      }
      await allow(context, 'UpdateUserDefinedFunction', database, name);
      await requireDatabase(parts, context, database, 'ALTER');
      await parts.store.write(databaseStore.procedures.changeFunction, { database, name, input: checked });
    },

    async deleteFunction(context, given, givenName) {
      const database = given.toLowerCase();
      const name = givenName.toLowerCase();
      await allow(context, 'DeleteUserDefinedFunction', database, name);
      await requireDatabase(parts, context, database, 'ALTER');
      await parts.store.write(databaseStore.procedures.removeFunction, { database, name });
    },

    async getFunction(context, given, givenName) {
      const database = given.toLowerCase();
      const name = givenName.toLowerCase();
      await allow(context, 'GetUserDefinedFunction', database, name);
      await requireDatabase(parts, context, database, 'DESCRIBE');
      return parts.store.read(databaseStore.procedures.function, { database, name });
    },

    async listFunctions(context, query) {
      const matches = query.pattern === undefined ? () => true : namePattern(query.pattern);
      const { functionType } = query;
      const test = (one: FunctionRecord) =>
        matches(one.name) && (functionType === undefined || (one.functionType ?? 'REGULAR_FUNCTION') === functionType);
      if (query.database !== undefined) {
        const database = query.database.toLowerCase();
        await authorizeGlue(parts, context, 'GetUserDefinedFunctions', { database });
        await requireDatabase(parts, context, database, 'DESCRIBE');
        return page(context, database, query.after?.name, test, query.limit);
      }
      await authorizeGlue(parts, context, 'GetUserDefinedFunctions');
      const visible = await parts.policy.visibleTables(context);
      const found: FunctionRecord[] = [];
      for (const database of parts.names.databases()) {
        if (found.length >= query.limit) break;
        if (query.after !== undefined && database < query.after.database) continue;
        if (!visible.database(database)) continue;
        const after = database === query.after?.database ? query.after.name : undefined;
        found.push(...(await page(context, database, after, test, query.limit - found.length)));
      }
      return found;
    },
  };
}
