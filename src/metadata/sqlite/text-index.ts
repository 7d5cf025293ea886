import type { DatabaseSync } from 'node:sqlite';
import { searchTerms, splitCamelCase } from '../../core/search-words.ts';
import type { TextIndex } from '../contract.ts';
import { nearness } from './nearness.ts';

export const TEXT_INDEX_SCHEMA = `
  CREATE TABLE IF NOT EXISTS loch_text_key (number INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL, UNIQUE (kind, id));
  CREATE VIRTUAL TABLE IF NOT EXISTS loch_text USING fts5(strong, weak, kind, prefix = '2 3', tokenize = 'porter unicode61 remove_diacritics 2');
  CREATE VIRTUAL TABLE IF NOT EXISTS loch_text_word USING fts5vocab(loch_text, 'row');
`;

/** Words of one first letter that are compared with a mistyped one. */
const MOST_VOCABULARY = 50_000;
/** Shorter words have too many neighbours. */
const SHORTEST_TYPO = 4;
/** From here on two mistakes are forgiven. **Units**: letters. */
const LONG_WORD = 8;

const words = splitCamelCase;
const fold = (word: string) => word.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();

/** The FTS5 query of a person's words: all of them, the last as a prefix; quotes make operators plain words. */
function matchOf(kind: string | undefined, query: string, whole: boolean): string | undefined {
  const terms = searchTerms(query, { whole });
  if (terms.length === 0) return undefined;
  const quoted = terms.map((term) => `"${term.words.join(' ')}"${term.prefix ? '*' : ''}`).join(' AND ');
  const ofKind = kind === undefined ? '' : ` AND kind: "${kind.replaceAll('"', '""')}"`;
  return `{strong weak}: (${quoted})${ofKind}`;
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
  // The plus keeps the engine from seeking each number in the index; rank is computed for these documents alone.
  const searchAmong = db.prepare(
    `SELECT k.id AS id, bm25(loch_text, 10.0, 1.0, 0.0) AS score FROM loch_text
     JOIN loch_text_key k ON k.number = loch_text.rowid
     WHERE loch_text MATCH ? AND +loch_text.rowid IN
       (SELECT number FROM loch_text_key WHERE kind = ? AND id IN (SELECT value FROM json_each(?)))
     ORDER BY score, k.id LIMIT ?`,
  );
  const vocabulary = db.prepare(
    `SELECT term, doc FROM loch_text_word WHERE term >= ? AND term < ? LIMIT ${MOST_VOCABULARY}`,
  );
  const countOf = db.prepare('SELECT count(*) AS number FROM loch_text_key WHERE kind = ?');
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
    count(kind) {
      const damaged = db
        .prepare(
          `SELECT (SELECT count(*) FROM loch_text_key) AS keys, (SELECT count(*) FROM loch_text_docsize) AS sizes,
             (SELECT count(*) FROM loch_text_content) AS contents, (SELECT count(*) FROM loch_text_idx) AS segments`,
        )
        .get() as { keys: number; sizes: number; contents: number; segments: number };
      const { keys, sizes, contents, segments } = damaged;
      if (keys !== sizes || keys !== contents || (keys > 0 && segments === 0)) return undefined;
      return (countOf.get(kind) as { number: number }).number;
    },
    empty() {
      db.exec('DROP TABLE IF EXISTS loch_text_word; DROP TABLE IF EXISTS loch_text; DELETE FROM loch_text_key;');
      db.exec(TEXT_INDEX_SCHEMA);
    },
    near(word, limit) {
      const wanted = fold(word);
      const first = wanted.slice(0, 1);
      if (wanted.length < SHORTEST_TYPO) return [];
      const end = String.fromCodePoint(first.codePointAt(0)! + 1);
      return (vocabulary.all(first, end) as { term: string; doc: number }[])
        .map((row) => ({ ...row, distance: nearness(wanted, row.term) }))
        .filter(({ distance }) => distance <= (wanted.length < LONG_WORD ? 1 : 2))
        .sort((a, b) => a.distance - b.distance || b.term.length - a.term.length || b.doc - a.doc)
        .slice(0, limit)
        .map(({ term }) => term);
    },
    search(kind, query, limit, options = {}) {
      const match = matchOf(options.among === undefined ? kind : undefined, query, options.whole === true);
      if (match === undefined) return [];
      if (options.among !== undefined) {
        return searchAmong.all(match, kind, JSON.stringify(options.among), limit) as { id: string; score: number }[];
      }
      return search.all(match, kind, limit) as { id: string; score: number }[];
    },
  };
}
