import { ACCOUNT_COLUMNS, accounts } from './accounts.ts';
import { csvChunks } from './csv.ts';
import { CUSTOMER_COLUMNS, customers } from './customers.ts';
import type { SourceOptions } from './options.ts';

/** A table of the bank's database with its rows as CSV without header, for `COPY … FROM STDIN (FORMAT csv)`. */
export interface SourceTable {
  readonly name: string;
  readonly columns: readonly string[];
  readonly copyStatement: string;
  copyChunks(): Generator<Uint8Array>;
}

/** Statements that make the empty tables anew. No keys: the bank merged two core systems and never cleaned up. */
export const SOURCE_SCHEMA: readonly string[] = [
  'CREATE SCHEMA IF NOT EXISTS bank',
  'DROP TABLE IF EXISTS bank.customers, bank.accounts',
  `CREATE TABLE bank.customers (customer_id text, full_name text, email text, national_id text, birth_date text,
     region text, city text, iban text, income numeric(12,2), updated_at timestamp)`,
  `CREATE TABLE bank.accounts (account_id text, customer_id text, product text, balance numeric(14,2), currency text,
     opened_on text, updated_at timestamp)`,
];

/** The tables of the bank's database. */
export function sourceTables(options: SourceOptions): readonly SourceTable[] {
  return [
    tableOf('bank.customers', CUSTOMER_COLUMNS, () =>
      csvChunks(CUSTOMER_COLUMNS, customers(options), { header: false }),
    ),
    tableOf('bank.accounts', ACCOUNT_COLUMNS, () => csvChunks(ACCOUNT_COLUMNS, accounts(options), { header: false })),
  ];
}

function tableOf(name: string, columns: readonly string[], copyChunks: SourceTable['copyChunks']): SourceTable {
  return { name, columns, copyStatement: `COPY ${name} (${columns.join(', ')}) FROM STDIN (FORMAT csv)`, copyChunks };
}
