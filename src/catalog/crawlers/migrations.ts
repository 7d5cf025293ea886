import type { Migration } from '../../metadata/contract.ts';

export const crawlerMigrations: readonly Migration[] = [
  {
    number: 1,
    name: 'crawlers, runs, folders',
    statements: [
      `CREATE TABLE IF NOT EXISTS catalog_crawler (
         name TEXT PRIMARY KEY, definition TEXT NOT NULL, acts_as TEXT NOT NULL, version BIGINT NOT NULL,
         created_at BIGINT NOT NULL, created_by TEXT NOT NULL, updated_at BIGINT NOT NULL)`,
      `CREATE TABLE IF NOT EXISTS catalog_crawler_run (
         id TEXT PRIMARY KEY, crawler TEXT NOT NULL, state TEXT NOT NULL, phase TEXT NOT NULL, stopping BIGINT NOT NULL,
         caller TEXT NOT NULL, definition TEXT NOT NULL, position TEXT NOT NULL, counts TEXT NOT NULL,
         messages TEXT NOT NULL, error TEXT, started_at BIGINT NOT NULL, ended_at BIGINT)`,
      `CREATE UNIQUE INDEX IF NOT EXISTS catalog_crawler_running ON catalog_crawler_run (crawler) WHERE state = 'RUNNING'`,
      `CREATE INDEX IF NOT EXISTS catalog_crawler_runs ON catalog_crawler_run (crawler, started_at)`,
      `CREATE TABLE IF NOT EXISTS catalog_crawler_folder (
         run_id TEXT NOT NULL, target BIGINT NOT NULL, folder TEXT NOT NULL, kind TEXT NOT NULL, content TEXT NOT NULL,
         finding TEXT, PRIMARY KEY (run_id, target, folder))`,
    ],
  },
  {
    number: 2,
    name: 'classifiers, schedules, arrivals',
    statements: [
      `CREATE TABLE IF NOT EXISTS catalog_classifier (
         name TEXT PRIMARY KEY, definition TEXT NOT NULL, version BIGINT NOT NULL, created_at BIGINT NOT NULL,
         updated_at BIGINT NOT NULL)`,
      `CREATE TABLE IF NOT EXISTS catalog_crawler_arrival (
         crawler TEXT NOT NULL, folder TEXT NOT NULL, at BIGINT NOT NULL, last_at BIGINT NOT NULL,
         PRIMARY KEY (crawler, folder))`,
    ],
  },
];
