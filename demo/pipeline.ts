/** The pipeline of the demo: one cleaning job per source, two SQL jobs for the curated tables, one workflow over all. */
import type { JobDefinition, WorkflowDefinition } from '../src/processing/contract.ts';

/** The object whose arrival starts the workflow: written after everything of a batch is there. */
export const MANIFEST_PREFIX = 'halden/manifests/';

const CURRENCIES = ['EUR', 'USD', 'GBP', 'CHF'];
const quarantine = { bucket: 'cleaned', prefix: 'quarantine/' };
const DATES = ['%Y-%m-%d', '%d.%m.%Y'];
const TIMES = [
  '%Y-%m-%d %H:%M:%S',
  '%Y-%m-%dT%H:%M:%S',
  '%Y-%m-%dT%H:%M:%S.%fZ',
  '%Y-%m-%dT%H:%M:%SZ',
  '%d.%m.%Y %H:%M:%S',
  '%d.%m.%Y',
];

type CleanJob = Extract<JobDefinition, { kind: 'clean' }>;

const customers: CleanJob = {
  kind: 'clean',
  name: 'clean-customers',
  description: 'Customers of the core banking database',
  source: { bucket: 'raw', prefix: 'halden/bank/customers/', format: 'csv' },
  target: { database: 'cleaned', table: 'customers' },
  columns: [
    { name: 'customer_id', type: 'string', normalize: ['trim', 'upper', 'empty_to_null'] },
    { name: 'full_name', type: 'string', normalize: ['trim', 'collapse'] },
    { name: 'email', type: 'string', normalize: ['trim', 'lower'] },
    { name: 'national_id', type: 'string', normalize: ['trim'] },
    { name: 'birth_date', type: 'date', normalize: ['trim'], formats: DATES },
    { name: 'region', type: 'string', normalize: ['trim', 'lower'] },
    { name: 'city', type: 'string', normalize: ['trim', 'collapse'] },
    { name: 'iban', type: 'string', normalize: ['trim', 'upper'] },
    { name: 'income', type: 'decimal(12,2)', normalize: ['trim'] },
    { name: 'updated_at', type: 'timestamp', normalize: ['trim'], formats: TIMES },
  ],
  key: ['customer_id'],
  eventTime: 'updated_at',
  rules: [
    { rule: 'complete', column: 'customer_id' },
    { rule: 'complete', column: 'birth_date' },
    { rule: 'type', column: 'birth_date', type: 'date' },
    { rule: 'iban', column: 'iban' },
    { rule: 'values', column: 'region', values: ['north', 'south', 'east', 'west', 'central'] },
    { rule: 'pattern', column: 'email', pattern: '^[^@\\s]+@[^@\\s]+\\.[a-z]+$' },
  ],
  quarantine,
};

const accounts: CleanJob = {
  kind: 'clean',
  name: 'clean-accounts',
  description: 'Accounts of the core banking database',
  source: { bucket: 'raw', prefix: 'halden/bank/accounts/', format: 'csv' },
  target: { database: 'cleaned', table: 'accounts' },
  columns: [
    { name: 'account_id', type: 'string', normalize: ['trim', 'upper', 'empty_to_null'] },
    { name: 'customer_id', type: 'string', normalize: ['trim', 'upper'] },
    { name: 'product', type: 'string', normalize: ['trim', 'lower'] },
    { name: 'balance', type: 'decimal(14,2)', normalize: ['trim'] },
    { name: 'currency', type: 'string', normalize: ['trim', 'upper'] },
    { name: 'opened_on', type: 'date', normalize: ['trim'], formats: DATES },
    { name: 'updated_at', type: 'timestamp', normalize: ['trim'], formats: TIMES },
  ],
  key: ['account_id'],
  eventTime: 'updated_at',
  rules: [
    { rule: 'complete', column: 'account_id' },
    { rule: 'complete', column: 'opened_on' },
    { rule: 'type', column: 'opened_on', type: 'date' },
    { rule: 'values', column: 'currency', values: CURRENCIES },
    {
      rule: 'references',
      column: 'customer_id',
      table: { database: 'cleaned', table: 'customers' },
      key: 'customer_id',
    },
  ],
  quarantine,
};

const transactions: CleanJob = {
  kind: 'clean',
  name: 'clean-transactions',
  description: 'Card payments and transfers of the dated files',
  source: { bucket: 'raw', prefix: 'transactions/', format: 'csv' },
  target: { database: 'cleaned', table: 'transactions' },
  columns: [
    { name: 'transaction_id', type: 'string', normalize: ['trim', 'empty_to_null'] },
    { name: 'account_id', type: 'string', normalize: ['trim', 'upper'] },
    { name: 'booked_at', type: 'timestamp', normalize: ['trim'], formats: TIMES },
    { name: 'amount', type: 'decimal(12,2)', normalize: ['trim'] },
    { name: 'currency', type: 'string', normalize: ['trim', 'upper'] },
    { name: 'kind', type: 'string', normalize: ['trim', 'lower'] },
    { name: 'counterparty_iban', type: 'string', normalize: ['trim', 'upper', 'empty_to_null'] },
    { name: 'description', type: 'string', normalize: ['trim', 'collapse'] },
    { name: 'recorded_at', type: 'timestamp', normalize: ['trim'], formats: TIMES },
  ],
  key: ['transaction_id'],
  eventTime: 'recorded_at',
  rules: [
    { rule: 'complete', column: 'transaction_id' },
    { rule: 'complete', column: 'booked_at' },
    { rule: 'type', column: 'booked_at', type: 'timestamp' },
    { rule: 'iban', column: 'counterparty_iban' },
    { rule: 'references', column: 'account_id', table: { database: 'cleaned', table: 'accounts' }, key: 'account_id' },
  ],
  quarantine,
};

const webEvents: CleanJob = {
  kind: 'clean',
  name: 'clean-web-events',
  description: 'Events of the web site, from the delivery stream',
  source: { bucket: 'raw', prefix: 'web_events/', format: 'json' },
  target: { database: 'cleaned', table: 'web_events' },
  columns: [
    { name: 'event_id', type: 'string', normalize: ['trim', 'empty_to_null'] },
    { name: 'customer_id', type: 'string', normalize: ['trim', 'upper', 'empty_to_null'] },
    { name: 'cookie', type: 'string' },
    { name: 'event_time', type: 'timestamp', normalize: ['trim'], formats: TIMES },
    { name: 'page', type: 'string', normalize: ['trim', 'lower'] },
    { name: 'action', type: 'string', normalize: ['trim', 'lower'] },
    { name: 'duration_ms', type: 'bigint' },
  ],
  key: ['event_id'],
  eventTime: 'event_time',
  rules: [
    { rule: 'complete', column: 'event_id' },
    { rule: 'complete', column: 'event_time' },
    { rule: 'type', column: 'event_time', type: 'timestamp' },
    {
      rule: 'references',
      column: 'customer_id',
      table: { database: 'cleaned', table: 'customers' },
      key: 'customer_id',
    },
  ],
  quarantine,
};

const ratings: CleanJob = {
  kind: 'clean',
  name: 'clean-ratings',
  description: 'Credit ratings of the partner',
  source: { bucket: 'raw', prefix: 'ratings/', format: 'json' },
  target: { database: 'cleaned', table: 'ratings' },
  columns: [
    { name: 'customer_id', from: 'customer_ref', type: 'string', normalize: ['trim', 'upper', 'empty_to_null'] },
    { name: 'rating', type: 'string', normalize: ['trim', 'upper'] },
    { name: 'score', type: 'int' },
    { name: 'rated_on', type: 'date', normalize: ['trim'], formats: DATES },
  ],
  key: ['customer_id'],
  eventTime: 'rated_on',
  rules: [
    { rule: 'complete', column: 'customer_id' },
    { rule: 'complete', column: 'rated_on' },
    { rule: 'type', column: 'rated_on', type: 'date' },
    { rule: 'range', column: 'score', min: '300', max: '850' },
    {
      rule: 'references',
      column: 'customer_id',
      table: { database: 'cleaned', table: 'customers' },
      key: 'customer_id',
    },
  ],
  quarantine,
};

/** Integer and decimal arithmetic only: the same rows give the same bytes whatever the order of aggregation. */
const CUSTOMER_360 = `
SELECT c.customer_id, c.full_name, c.email, c.national_id, c.birth_date, c.region, c.city, c.income,
       coalesce(a.accounts, 0) AS accounts, coalesce(a.savings, 0) AS savings, coalesce(a.balance, 0) AS balance,
       coalesce(t.payments, 0) AS payments, coalesce(t.inflow, 0) AS inflow, coalesce(t.outflow, 0) AS outflow,
       coalesce(w.visits, 0) AS visits, coalesce(w.deposit_visits, 0) AS deposit_visits,
       r.rating, r.score
FROM cleaned.customers c
LEFT JOIN (
  SELECT customer_id, count(*) AS accounts, CAST(sum(balance) AS decimal(18,2)) AS balance,
         CAST(sum(CASE WHEN product IN ('savings', 'money_market') THEN 1 ELSE 0 END) AS bigint) AS savings
  FROM cleaned.accounts GROUP BY customer_id
) a ON a.customer_id = c.customer_id
LEFT JOIN (
  SELECT a.customer_id, count(*) AS payments,
         CAST(sum(CASE WHEN t.amount > 0 THEN t.amount ELSE 0 END) AS decimal(18,2)) AS inflow,
         CAST(sum(CASE WHEN t.amount < 0 THEN t.amount ELSE 0 END) AS decimal(18,2)) AS outflow
  FROM cleaned.transactions t JOIN cleaned.accounts a ON a.account_id = t.account_id GROUP BY a.customer_id
) t ON t.customer_id = c.customer_id
LEFT JOIN (
  SELECT customer_id, count(*) AS visits,
         CAST(sum(CASE WHEN page LIKE '%deposit%' OR action = 'calculate' THEN 1 ELSE 0 END) AS bigint) AS deposit_visits
  FROM cleaned.web_events WHERE customer_id IS NOT NULL GROUP BY customer_id
) w ON w.customer_id = c.customer_id
LEFT JOIN cleaned.ratings r ON r.customer_id = c.customer_id
`;

const CD_LEADS = `
SELECT customer_id, full_name, email, national_id, city, balance, income, rating, score, deposit_visits, lead_score,
       row_number() OVER (PARTITION BY region ORDER BY lead_score DESC, balance DESC, customer_id) AS rank_in_region,
       region
FROM (
  SELECT *,
         CASE WHEN balance >= 50000 THEN 40 WHEN balance >= 20000 THEN 30 WHEN balance >= 5000 THEN 15 ELSE 0 END
         + CASE WHEN deposit_visits >= 3 THEN 30 WHEN deposit_visits >= 1 THEN 15 ELSE 0 END
         + CASE WHEN score >= 700 THEN 20 WHEN score >= 600 THEN 10 ELSE 0 END
         + CASE WHEN savings > 0 THEN 10 ELSE 0 END AS lead_score
  FROM curated.customer_360
) scored
WHERE lead_score >= 30
`;

const customer360: JobDefinition = {
  kind: 'sql',
  name: 'build-customer-360',
  description: 'One row per customer over all sources',
  sql: CUSTOMER_360.trim(),
  dialect: 'athena',
  target: { database: 'curated', table: 'customer_360' },
  mode: 'overwrite',
};

const cdLeads: JobDefinition = {
  kind: 'sql',
  name: 'build-cd-leads',
  description: 'Leads for the certificate of deposit, ranked by region',
  sql: CD_LEADS.trim(),
  dialect: 'athena',
  target: { database: 'curated', table: 'cd_leads' },
  mode: 'overwrite',
  partition: [{ column: 'region', transform: 'identity' }],
};

/** The cleaning jobs by source. */
export const CLEANING = { customers, accounts, transactions, web_events: webEvents, ratings } as const;

export const JOBS: readonly JobDefinition[] = [...Object.values(CLEANING), customer360, cdLeads];

export const WORKFLOW: WorkflowDefinition = {
  name: 'halden',
  description: 'From the raw zone to the leads',
  nodes: [
    { name: 'crawl', kind: 'crawler', crawler: 'raw-zone', after: [] },
    { name: 'customers', kind: 'job', job: 'clean-customers', after: ['crawl'] },
    { name: 'accounts', kind: 'job', job: 'clean-accounts', after: ['customers'] },
    { name: 'transactions', kind: 'job', job: 'clean-transactions', after: ['accounts'] },
    { name: 'web-events', kind: 'job', job: 'clean-web-events', after: ['customers'] },
    { name: 'ratings', kind: 'job', job: 'clean-ratings', after: ['customers'] },
    {
      name: 'customer-360',
      kind: 'job',
      job: 'build-customer-360',
      after: ['accounts', 'transactions', 'web-events', 'ratings'],
    },
    { name: 'cd-leads', kind: 'job', job: 'build-cd-leads', after: ['customer-360'] },
  ],
  triggers: [{ kind: 'on_demand' }, { kind: 'event', bucket: 'raw', prefix: MANIFEST_PREFIX, batchWindowMs: 200 }],
};
