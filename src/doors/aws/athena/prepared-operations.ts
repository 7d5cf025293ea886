import type {
  BatchGetPreparedStatementInput,
  CreatePreparedStatementInput,
  DeletePreparedStatementInput,
  GetPreparedStatementInput,
  ListPreparedStatementsInput,
  UpdatePreparedStatementInput,
} from '@aws-sdk/client-athena';
import { isLochError, LochError } from '../../../core/errors.ts';
import type { PreparedStatement, PreparedStatements } from '../../../consumption/contract.ts';
import type { OperationSpec } from '../service.ts';

const MAX_NAMES = 25;
const MAX_RESULTS = 50;

const shapeOf = (statement: PreparedStatement, workgroup: string) => ({
  StatementName: statement.name,
  QueryStatement: statement.sql,
  WorkGroupName: workgroup,
  LastModifiedTime: new Date(statement.updatedAt),
  ...(statement.description === undefined ? {} : { Description: statement.description }),
});

const entryOf = (input: CreatePreparedStatementInput | UpdatePreparedStatementInput, mode: 'create' | 'update') => ({
  name: input.StatementName ?? '',
  sql: input.QueryStatement ?? '',
  mode,
  ...(input.WorkGroup === undefined ? {} : { workgroup: input.WorkGroup }),
  ...(input.Description === undefined ? {} : { description: input.Description }),
});

/** Statements kept under names. */
export function preparedOperations(prepared: () => PreparedStatements): Readonly<Record<string, OperationSpec>> {
  return {
    CreatePreparedStatement: {
      run: async (context, input: CreatePreparedStatementInput) => {
        await prepared().put(context, entryOf(input, 'create'));
        return {};
      },
    },
    UpdatePreparedStatement: {
      run: async (context, input: UpdatePreparedStatementInput) => {
        await prepared().put(context, entryOf(input, 'update'));
        return {};
      },
    },
    GetPreparedStatement: {
      readOnly: true,
      run: async (context, input: GetPreparedStatementInput) => {
        const workgroup = input.WorkGroup ?? '';
        const known = await prepared().get(context, input.StatementName ?? '', workgroup);
        return { PreparedStatement: shapeOf(known, workgroup) };
      },
    },
    BatchGetPreparedStatement: {
      readOnly: true,
      run: async (context, input: BatchGetPreparedStatementInput) => {
        const names = input.PreparedStatementNames ?? [];
        if (names.length > MAX_NAMES) {
          throw new LochError(
            'invalid_argument',
            `\`PreparedStatementNames\` holds at most ${MAX_NAMES} names; it holds ${names.length}.`,
            {
              context: { limit: MAX_NAMES },
            },
          );
        }
        const workgroup = input.WorkGroup ?? '';
        const found: ReturnType<typeof shapeOf>[] = [];
        const missing: { StatementName: string; ErrorCode: string; ErrorMessage: string }[] = [];
        for (const name of names) {
          try {
            found.push(shapeOf(await prepared().get(context, name, workgroup), workgroup));
          } catch (error) {
            if (!isLochError(error, 'not_found')) throw error;
            missing.push({ StatementName: name, ErrorCode: 'STATEMENT_NOT_FOUND', ErrorMessage: error.message });
          }
        }
        return { PreparedStatements: found, UnprocessedPreparedStatementNames: missing };
      },
    },
    ListPreparedStatements: {
      readOnly: true,
      run: async (context, input: ListPreparedStatementsInput) => {
        const limit = input.MaxResults ?? MAX_RESULTS;
        if (!(limit >= 1 && limit <= MAX_RESULTS)) {
          throw new LochError('invalid_argument', `\`MaxResults\` must be from 1 to ${MAX_RESULTS}, and is ${limit}.`);
        }
        const page = await prepared().list(context, {
          limit: limit + 1,
          ...(input.WorkGroup === undefined ? {} : { workgroup: input.WorkGroup }),
          ...(input.NextToken === undefined ? {} : { after: input.NextToken }),
        });
        const shown = page.slice(0, limit);
        return {
          PreparedStatements: shown.map((one) => ({
            StatementName: one.name,
            LastModifiedTime: new Date(one.updatedAt),
          })),
          ...(page.length > limit ? { NextToken: shown.at(-1)!.name } : {}),
        };
      },
    },
    DeletePreparedStatement: {
      run: async (context, input: DeletePreparedStatementInput) => {
        await prepared().delete(context, input.StatementName ?? '', input.WorkGroup);
        return {};
      },
    },
  };
}
