/** Endings that a stem has lost. **Units**: letters. */
const LONGEST_ENDING = 4;

/**
 * How many mistakes (a letter left out, added, changed, or two swapped) lie between the beginning of a typed word and a
 * stem of the index; the ending that stems have lost costs nothing.
 * **Source**: optimal string alignment distance (Damerau 1964).
 */
export function nearness(typed: string, stem: string): number {
  if (stem.length > typed.length + 2 || typed.length - stem.length > LONGEST_ENDING + 2)
    return Number.POSITIVE_INFINITY;
  const rows: number[][] = [];
  for (let i = 0; i <= typed.length; i++) {
    const row = [i];
    for (let j = 1; j <= stem.length; j++) {
      if (i === 0) {
        row.push(j);
        continue;
      }
      const same = typed[i - 1] === stem[j - 1] ? 0 : 1;
      let best = Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, rows[i - 1]![j - 1]! + same);
      const swapped = i > 1 && j > 1 && typed[i - 1] === stem[j - 2] && typed[i - 2] === stem[j - 1];
      if (swapped) best = Math.min(best, rows[i - 2]![j - 2]! + 1);
      row.push(best);
    }
    rows.push(row);
  }
  let best = Number.POSITIVE_INFINITY;
  for (let i = Math.max(1, typed.length - LONGEST_ENDING); i <= typed.length; i++) {
    best = Math.min(best, rows[i]![stem.length]!);
  }
  return best;
}
