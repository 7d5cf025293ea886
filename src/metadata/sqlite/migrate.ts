import type { DatabaseSync } from 'node:sqlite';
import { LochError } from '../../core/errors.ts';
import type { StoreModule } from '../contract.ts';

/**
 * Brings the schema of every module up to date, one transaction a step.
 * **Errors**: `configuration` when the database holds a step this program does not know (it was written by a newer one).
 */
export function migrate(db: DatabaseSync, modules: readonly StoreModule[]): void {
  db.exec(
    'CREATE TABLE IF NOT EXISTS loch_migrations (module TEXT NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (module, number))',
  );
  const applied = db.prepare('SELECT number FROM loch_migrations WHERE module = ?');
  const record = db.prepare('INSERT INTO loch_migrations (module, number, name, at) VALUES (?, ?, ?, ?)');
  for (const module of modules) {
    const done = new Set((applied.all(module.name) as { number: number }[]).map((row) => row.number));
    const newest = Math.max(0, ...module.migrations.map((step) => step.number));
    for (const number of done) {
      if (number > newest) {
        throw new LochError(
          'configuration',
          `The data directory was written by a newer Loch (schema step ${module.name}/${number}; this program knows up to ${newest}). Start the newer program, or restore a backup made before the upgrade.`,
        );
      }
    }
    for (const step of [...module.migrations].sort((a, b) => a.number - b.number)) {
      if (done.has(step.number)) continue;
      db.exec('BEGIN IMMEDIATE');
      try {
        for (const statement of step.statements) db.exec(statement);
        record.run(module.name, step.number, step.name, Date.now());
        db.exec('COMMIT');
      } catch (error) {
        db.exec('ROLLBACK');
        throw error;
      }
    }
  }
}
