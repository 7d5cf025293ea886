/** Source data of Halden, a made-up bank group: deterministic, streamed, with flaws of known number (see README.md). */
export { ACCOUNT_COLUMNS, type Account, accounts } from './accounts.ts';
export { csvChunks } from './csv.ts';
export { CUSTOMER_COLUMNS, type Customer, customers } from './customers.ts';
export { SOURCE_SCHEMA, type SourceTable, sourceTables } from './database.ts';
export { type ExpectedCounts, expectedFlaws, type Flaw, type SourceName, sourceSize } from './flaws.ts';
export { isIban } from './iban.ts';
export { DEFAULT_SEED, type SourceFile, type SourceOptions } from './options.ts';
export { type Rating, ratings, ratingsFile } from './ratings.ts';
export { type Transaction, transactionFiles, transactions } from './transactions.ts';
export { type WebEvent, webEventRecords, webEvents } from './web-events.ts';
