import type { DatabaseSync } from 'node:sqlite';
import type { TextIndex } from '../contract.ts';

export const TEXT_INDEX_SCHEMA = `
  CREATE TABLE IF NOT EXISTS loch_text_key (number INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL, UNIQUE (kind, id));
  CREATE VIRTUAL TABLE IF NOT EXISTS loch_text USING fts5(strong, weak, kind, prefix = '2 3', tokenize = 'porter unicode61 remove_diacritics 2');
`;

/** Splits `camelCase`, `snake_case` and dots, so that `customer email` finds `customerEmail` and `customer_email`. */
function words(text: string): string {
  return text.replace(/([a-z0-9])([A-Z])/g, '$1 $2');
}

/** The FTS5 query of a person's words: all of them, the last as a prefix; quotes make operators plain words. */
function matchOf(kind: string, query: string): string | undefined {
  const terms = words(query).match(/[\p{L}\p{N}]+/gu);
  if (terms === null) return undefined;
  const quoted = terms.map((term, i) => `"${term}"${i === terms.length - 1 ? '*' : ''}`).join(' AND ');
  return `{strong weak}: (${quoted}) AND kind: "${kind.replaceAll('"', '""')}"`;
}

/** The full-text port on SQLite's FTS5. Strong fields weigh ten times a weak one in the bm25 rank. */
export function sqliteTextIndex(db: DatabaseSync): TextIndex {
  const find = db.prepare('SELECT number FROM loch_text_key WHERE kind = ? AND id = ?');
  const addKey = db.prepare('INSERT INTO loch_text_key (kind, id) VALUES (?, ?)');
  const removeKey = db.prepare('DELETE FROM loch_text_key WHERE number = ?');
  const add = db.prepare('INSERT INTO loch_text (rowid, strong, weak, kind) VALUES (?, ?, ?, ?)');
  const remove = db.prepare('DELETE FROM loch_text WHERE rowid = ?');
  const search = db.prepare(
    `SELECT k.id AS id, bm25(loch_text, 10.0, 1.0, 0.0) AS score FROM loch_text
     JOIN loch_text_key k ON k.number = loch_text.rowid
     WHERE loch_text MATCH ? AND k.kind = ? ORDER BY score, k.id LIMIT ?`,
  );
  const drop = (kind: string, id: string) => {
    const row = find.get(kind, id) as { number: number } | undefined;
    if (row === undefined) return;
    remove.run(row.number);
    removeKey.run(row.number);
  };
  return {
    put(kind, id, fields) {
      drop(kind, id);
      const { lastInsertRowid } = addKey.run(kind, id);
      add.run(lastInsertRowid, words(fields.strong), words(fields.weak), kind);
    },
    remove: drop,
    search(kind, query, limit) {
      const match = matchOf(kind, query);
      if (match === undefined) return [];
      return search.all(match, kind, limit) as { id: string; score: number }[];
    },
  };
}
